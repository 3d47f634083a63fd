package optimum

import "math"

// network is a flow network that is built once and solved once. Node 0 is the
// source and node 1 the sink.
type network struct {
	first []int32 // the first edge of each node, -1: none
	next  []int32 // of each edge, the next edge of the same node
	to    []int32
	room  []int64 // what may still flow; edge e and its reverse are e and e^1

	level []int32
	work  []int32 // of each node, the edge to try next
	queue []int32
}

const (
	source = 0
	sink   = 1
)

func newNetwork() *network { return &network{first: []int32{-1, -1}} }

// node adds a node.
func (n *network) node() int32 {
	n.first = append(n.first, -1)
	return int32(len(n.first) - 1)
}

// edge adds an edge and returns it.
func (n *network) edge(from, to int32, room int64) int32 {
	e := int32(len(n.to))
	n.to = append(n.to, to, from)
	n.room = append(n.room, room, 0)
	n.next = append(n.next, n.first[from], n.first[to])
	n.first[from], n.first[to] = e, e+1
	return e
}

// solve sends as much as can flow from source to sink: Dinic's algorithm.
//
// Source: E. A. Dinic, "Algorithm for solution of a problem of maximum flow in
// a network with power estimation" (1970).
func (n *network) solve() {
	n.level = make([]int32, len(n.first))
	n.work = make([]int32, len(n.first))
	for n.layer() {
		copy(n.work, n.first)
		for n.push(source, math.MaxInt64) > 0 {
		}
	}
}

// layer numbers the nodes by their distance from the source, and reports
// whether the sink can be reached.
func (n *network) layer() bool {
	for i := range n.level {
		n.level[i] = -1
	}
	n.level[source] = 0
	n.queue = append(n.queue[:0], source)
	for at := 0; at < len(n.queue); at++ {
		v := n.queue[at]
		for e := n.first[v]; e >= 0; e = n.next[e] {
			if w := n.to[e]; n.room[e] > 0 && n.level[w] < 0 {
				n.level[w] = n.level[v] + 1
				n.queue = append(n.queue, w)
			}
		}
	}
	return n.level[sink] >= 0
}

// push sends at most most from v to the sink along one path of rising level,
// and returns how much it sent.
func (n *network) push(v int32, most int64) int64 {
	if v == sink {
		return most
	}
	for ; n.work[v] >= 0; n.work[v] = n.next[n.work[v]] {
		e := n.work[v]
		if n.room[e] == 0 || n.level[n.to[e]] != n.level[v]+1 {
			continue
		}
		if sent := n.push(n.to[e], min(most, n.room[e])); sent > 0 {
			n.room[e] -= sent
			n.room[e^1] += sent
			return sent
		}
	}
	return 0
}
