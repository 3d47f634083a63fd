package policy

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDecideAllocatesNothingInTheSteadyState(t *testing.T) {
	tree, w := benchSite(400, 3, 3)
	for i := range w.Sessions {
		s := &w.Sessions[i]
		s.Since = noon.Add(time.Duration(i/2) * time.Minute)
		s.Tier, s.UsesLess, s.Uses = i%3, i%5 == 0, 7000
	}
	scarce := slices.Clone(w.Permitted)
	for c := range scarce {
		scarce[c] = scarce[c].divided(3)
	}
	for _, rule := range rules {
		for name, permitted := range map[string][]Load{"enough": w.Permitted, "scarce": scarce} {
			e, world := NewEngine(tree, rule, turnOptions), *w
			world.Permitted = permitted
			var plan Plan
			e.Decide(noon, &world, &plan)
			require.Zero(t, testing.AllocsPerRun(5, func() { e.Decide(noon, &world, &plan) }), "%s, %s", rule.Name(), name)
		}
	}
}
