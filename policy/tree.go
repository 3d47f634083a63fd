package policy

import "fmt"

// CircuitSpec names a circuit and the circuit that feeds it.
type CircuitSpec struct {
	ID     string // unique within the site
	Parent string // empty for a grid connection
}

// Tree is the circuits of a site in depth-first order: a circuit's index is
// greater than its parent's, and the circuits below it follow it directly.
// All other per-circuit slices of this package are in the same order. A Tree
// does not change after NewTree.
type Tree struct {
	ids    []string
	parent []int // -1 for a root
	end    []int // one past the last circuit below
	index  map[string]int
}

// NewTree orders the circuits. It fails when an id is empty or used twice, a
// parent is missing, or circuits feed each other in a ring.
func NewTree(specs []CircuitSpec) (*Tree, error) {
	children := make(map[string][]string, len(specs))
	seen := make(map[string]bool, len(specs))
	for _, s := range specs {
		if s.ID == "" || seen[s.ID] {
			return nil, fmt.Errorf("circuit %q: the id is empty or used twice", s.ID)
		}
		seen[s.ID] = true
		children[s.Parent] = append(children[s.Parent], s.ID)
	}
	for _, s := range specs {
		if s.Parent != "" && !seen[s.Parent] {
			return nil, fmt.Errorf("circuit %q: its parent %q does not exist", s.ID, s.Parent)
		}
	}
	t := &Tree{index: make(map[string]int, len(specs))}
	t.add(children, "", -1)
	if len(t.ids) != len(specs) {
		return nil, fmt.Errorf("the circuits feed each other in a ring: %d of %d hang on no grid connection",
			len(specs)-len(t.ids), len(specs))
	}
	return t, nil
}

// add appends the circuits fed by the named one, depth first.
func (t *Tree) add(children map[string][]string, parent string, at int) {
	for _, id := range children[parent] {
		i := len(t.ids)
		t.index[id] = i
		t.ids = append(t.ids, id)
		t.parent = append(t.parent, at)
		t.end = append(t.end, 0)
		t.add(children, id, i)
		t.end[i] = len(t.ids)
	}
}

// Len is the number of circuits.
func (t *Tree) Len() int { return len(t.ids) }

// ID is the name of circuit i.
func (t *Tree) ID(i int) string { return t.ids[i] }

// Index is the place of the named circuit, and whether it exists.
func (t *Tree) Index(id string) (int, bool) {
	i, ok := t.index[id]
	return i, ok
}

// Parent is the circuit that feeds circuit i, or -1.
func (t *Tree) Parent(i int) int { return t.parent[i] }

// Within reports whether circuit i is circuit top or lies below it.
func (t *Tree) Within(i, top int) bool { return i >= top && i < t.end[top] }

// AddUp adds every circuit's load to the circuits above it, so that each holds
// the load of all that it feeds. The slice has one entry for each circuit.
func (t *Tree) AddUp(loads []Load) {
	for i := len(loads) - 1; i > 0; i-- {
		if p := t.parent[i]; p >= 0 {
			loads[p] = loads[p].Plus(loads[i])
		}
	}
}
