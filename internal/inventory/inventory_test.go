package inventory

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

var rewrite = flag.Bool("rewrite", false, "write the expectations in testdata anew")

// account reads what a simulated eDRV has.
func account(t *testing.T, spec edrvsim.Spec, location string) *Account {
	t.Helper()
	spec.Circuits = []edrvsim.CircuitSpec{{ID: "grid"}}
	for _, st := range spec.Stations {
		for i := range st.Connectors {
			st.Connectors[i].Circuit = "grid"
		}
	}
	world, err := edrvsim.New(spec)
	require.NoError(t, err)
	server := edrvsim.NewServer(edrvsim.Options{World: world, APIKey: "key", Speed: 1000})
	url, err := server.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	text := fmt.Sprintf("edrv: {url: %q, api_key: \"${KEY}\", requests_per_second: 1000}", url)
	cfg, err := config.Parse("test", []byte(text), config.ForInventory, func(string) (string, bool) { return "key", true })
	require.NoError(t, err)
	a, err := Read(t.Context(), Options{EDRV: &cfg.EDRV, Location: location})
	require.NoError(t, err)
	a.URL = "https://api.edrv.io/v1.1"
	return a
}

func skeletonOf(t *testing.T, a *Account) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, a.WriteYAML(&out))
	return out.String()
}

func check(text string) error {
	_, err := config.Parse("skeleton.yaml", []byte(text), config.ForCheck, func(string) (string, bool) { return "", false })
	return err
}

// two is an account with two locations and every kind of connector.
func two() edrvsim.Spec {
	spec := edrvsim.NewSpec(1)
	spec.Locations = []edrvsim.LocationSpec{{ID: "l1", Operator: "Müller & Söhne GmbH", Timezone: "Europe/Berlin"}, {ID: "l2"}}
	spec.Stations = []edrvsim.StationSpec{
		{ID: "s2", Name: "B2", Location: "l1", Connectors: []edrvsim.ConnectorSpec{{ID: "c3", Phases: "L2", MaxAmps: 32}}},
		{ID: "s1", Name: "A1", Location: "l1", Connectors: []edrvsim.ConnectorSpec{{ID: "c1"}, {ID: "c2", MaxAmps: 16}}},
		{ID: "s3", Name: "Fast", Location: "l1", Connectors: []edrvsim.ConnectorSpec{{ID: "c4", Kind: edrvsim.DC, MaxKW: 150}}},
		{ID: "s4", Location: "l2", Connectors: []edrvsim.ConnectorSpec{{ID: "c5", MaxAmps: 27}}},
		{ID: "s5"},
	}
	spec.Groups = []edrvsim.Group{{ID: "g1", Name: "Yard", Location: "l1", Connectors: []string{"c3"}}}
	return spec
}

func TestSkeleton(t *testing.T) {
	got := skeletonOf(t, account(t, two(), ""))
	const path = "testdata/two.yaml"
	if *rewrite {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "-rewrite, and read the difference")
}

// check names what is to be filled in, and nothing else; filled in, it is content.
func TestSkeletonIsValidOnceItIsFilledIn(t *testing.T) {
	text := skeletonOf(t, account(t, two(), ""))
	err := check(text)
	require.Error(t, err)
	for _, line := range strings.Split(err.Error(), "\n") {
		require.Regexp(t, `(limit|max): has no value: give it one`, line)
	}
	require.Equal(t, 4, strings.Count(err.Error(), "\n")+1, "%v", err)
	filled := strings.NewReplacer("limit:\n", "limit: {amps: 217}\n", "max: #", "max: {amps: 27} #").Replace(text)
	require.NoError(t, check(filled))
	require.NotContains(t, text, "TODO")
}

func TestOneLocationOnly(t *testing.T) {
	a := account(t, two(), "l2")
	require.Len(t, a.Locations, 1)
	require.Len(t, a.Locations[0].Stations, 1)
}

// However eDRV pages its lists and writes its references, every connector is
// there, and once.
func TestLargeAccount(t *testing.T) {
	spec := edrvsim.NewSpec(1)
	spec.Locations = []edrvsim.LocationSpec{{ID: "l1"}}
	for i := range 257 {
		spec.Stations = append(spec.Stations, edrvsim.StationSpec{
			ID: fmt.Sprintf("s%d", i), Location: "l1", Connectors: []edrvsim.ConnectorSpec{{ID: fmt.Sprintf("c%d", i)}},
		})
	}
	for name, faults := range map[string]edrvsim.Faults{
		"pages": nil, "pages without an end": {edrvsim.ListNoHasNext: 1}, "no pages": {edrvsim.ListUnpaged: 1},
		"no filter": {edrvsim.ListUnfiltered: 1}, "expanded references": {edrvsim.RefsExpanded: 1},
	} {
		t.Run(name, func(t *testing.T) {
			spec := spec
			if spec.Faults = faults; faults[edrvsim.ListUnpaged] > 0 { // it says that there is more, for ever
				spec.Faults[edrvsim.ListNoHasNext] = 1
			}
			text := skeletonOf(t, account(t, spec, ""))
			for i := range spec.Stations {
				require.Equal(t, 1, strings.Count(text, fmt.Sprintf("- id: \"c%d\"\n", i)))
			}
		})
	}
}

func TestRatings(t *testing.T) {
	for _, c := range []struct {
		kw     float64
		phases int
		amps   int
	}{
		{22, 3, 32},
		{22.08, 3, 32},
		{11, 3, 16},
		{11.1, 3, 16},
		{7.4, 1, 32},
		{7.2, 1, 32},
		{3.7, 1, 16},
		{43, 3, 63},
		{2.01, 3, 0},
		{22000, 3, 0},
		{0, 3, 0},
		{18.5, 3, 0},
	} {
		amps, ok := rated(edrvapi.Some(edrvapi.Milliwatts(c.kw*1e6)), c.phases)
		require.Equal(t, c.amps, amps, "%v kW", c.kw)
		require.Equal(t, c.amps > 0, ok)
	}
	_, ok := rated(edrvapi.Maybe[edrvapi.Milliwatts]{}, 3)
	require.False(t, ok)
}
