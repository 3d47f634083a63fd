package fleet

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func sitesOf(n int) []Site {
	random := rand.New(rand.NewPCG(1, 2))
	sites := make([]Site, n)
	for i := range sites {
		sites[i] = Site{ID: fmt.Sprintf("site-%d", i), Load: 1 + random.IntN(40)}
	}
	return sites
}

func TestLoadIsSpread(t *testing.T) {
	sites := sitesOf(500)
	for _, nodes := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c", "d", "e", "f", "g"}} {
		load, total := map[string]int{}, 0
		plan := assign(sites, nodes)
		require.Len(t, plan, len(sites))
		for _, s := range sites {
			load[plan[s.ID]] += s.Load
			total += s.Load
		}
		for _, n := range nodes {
			require.InDelta(t, 1, float64(load[n]*len(nodes))/float64(total), 0.25, "%s of %v", n, nodes)
		}
	}
	require.Empty(t, assign(sites, nil))
}

func TestEverybodyMakesTheSamePlan(t *testing.T) {
	sites := sitesOf(200)
	plan := assign(sites, []string{"a", "b", "c"})
	shuffled := slices.Clone(sites)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	require.Equal(t, plan, assign(shuffled, []string{"c", "a", "b"}))
}

// Of the sites of nodes that stay, few move when one leaves.
func TestFewSitesMove(t *testing.T) {
	sites := sitesOf(1000)
	before := assign(sites, []string{"a", "b", "c", "d", "e"})
	after := assign(sites, []string{"a", "b", "c", "d"})
	moved, stayed := 0, 0
	for id, n := range before {
		switch {
		case n == "e":
		case after[id] == n:
			stayed++
		default:
			moved++
		}
	}
	require.Less(t, moved, stayed/5)
}

// One site may be larger than what a node would get.
func TestALargeSiteHasAPlace(t *testing.T) {
	sites := []Site{{"huge", 1000}, {"also", 900}, {"small", 0}}
	plan := assign(sites, []string{"a", "b"})
	require.NotEqual(t, plan["huge"], plan["also"])
	require.NotEmpty(t, plan["small"])
}

func TestIDsBecomeTokens(t *testing.T) {
	allowed := regexp.MustCompile(`^[-/_=a-zA-Z0-9]+$`)
	for _, id := range []string{"depot", "a.b.c", "a:b", "a-b_c", "a..:"} {
		require.Regexp(t, allowed, token(id))
		require.Equal(t, id, untoken(token(id)))
	}
}
