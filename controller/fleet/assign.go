package fleet

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// assign spreads sites over nodes: rendezvous hashing with bounded loads
// (Mirrokni et al. 2018). Each site goes to the node that it ranks highest and
// that has room. Everybody computes the same from the same; when a node comes or
// goes, few others' sites move.
func assign(sites []Site, nodes []string) map[string]string {
	out := make(map[string]string, len(sites))
	if len(nodes) == 0 {
		return out
	}
	sorted := slices.SortedFunc(slices.Values(sites), func(a, b Site) int {
		return cmp.Or(cmp.Compare(b.weight(), a.weight()), cmp.Compare(a.ID, b.ID))
	})
	total := 0
	for _, s := range sorted {
		total += s.weight()
	}
	mean := (total + len(nodes) - 1) / len(nodes)
	room := mean + mean/10
	if len(sorted) > 0 {
		room = max(room, sorted[0].weight())
	}
	load := make(map[string]int, len(nodes))
	ranks := make([]ranked, len(nodes))
	for _, s := range sorted {
		for i, n := range nodes {
			ranks[i] = ranked{n, rank(s.ID, n)}
		}
		slices.SortFunc(ranks, func(a, b ranked) int { return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(a.node, b.node)) })
		chosen := ""
		for _, r := range ranks {
			if load[r.node]+s.weight() <= room {
				chosen = r.node
				break
			}
		}
		if chosen == "" { // many large sites: the least loaded
			chosen = slices.MinFunc(ranks, func(a, b ranked) int {
				return cmp.Or(cmp.Compare(load[a.node], load[b.node]), cmp.Compare(b.rank, a.rank))
			}).node
		}
		load[chosen] += s.weight()
		out[s.ID] = chosen
	}
	return out
}

type ranked struct {
	node string
	rank uint64
}

// weight is the load of a site; one without connectors counts too.
func (s Site) weight() int { return max(s.Load, 1) }

func rank(site, node string) uint64 {
	sum := sha256.Sum256([]byte(site + "\x00" + node))
	return binary.BigEndian.Uint64(sum[:])
}
