package deploy

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	network "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	strict "sigs.k8s.io/yaml"
)

// fleetManifests are the objects of a fleet, by name.
type fleetManifests struct {
	sets      map[string]*apps.StatefulSet
	services  map[string]*core.Service
	budgets   map[string]*policy.PodDisruptionBudget
	configMap core.ConfigMap
	ingress   network.Ingress
	policy    network.NetworkPolicy
}

func readFleet(t *testing.T) *fleetManifests {
	t.Helper()
	m := &fleetManifests{sets: map[string]*apps.StatefulSet{}, services: map[string]*core.Service{}, budgets: map[string]*policy.PodDisruptionBudget{}}
	for path, text := range documents(t, "kubernetes/fleet/*.yaml") {
		var kind struct {
			meta.TypeMeta   `json:",inline"`
			meta.ObjectMeta `json:"metadata"`
		}
		require.NoError(t, strict.Unmarshal(text, &kind), path)
		var into any
		switch kind.Kind {
		case "StatefulSet":
			m.sets[kind.Name] = &apps.StatefulSet{}
			into = m.sets[kind.Name]
		case "Service":
			m.services[kind.Name] = &core.Service{}
			into = m.services[kind.Name]
		case "PodDisruptionBudget":
			m.budgets[kind.Name] = &policy.PodDisruptionBudget{}
			into = m.budgets[kind.Name]
		case "ConfigMap":
			into = &m.configMap
		case "Ingress":
			into = &m.ingress
		case "NetworkPolicy":
			into = &m.policy
		}
		require.NotNil(t, into, "%s: %s", path, kind.Kind)
		require.NoError(t, strict.UnmarshalStrict(text, into), "%s: %s", path, kind.Kind)
	}
	return m
}

// TestThePartsOfTheFleetFit: both roles run confined, with what they refer to.
func TestThePartsOfTheFleetFit(t *testing.T) {
	m := readFleet(t)
	require.Len(t, m.sets, 2)
	for role, replicas := range map[string]int32{"gateway": 2, "controller": 3} {
		set := m.sets["headroom-"+role]
		require.NotNil(t, set, role)
		require.Equal(t, replicas, *set.Spec.Replicas)
		labels := set.Spec.Template.Labels
		require.Equal(t, labels, set.Spec.Selector.MatchLabels)
		require.Equal(t, labels, m.services["headroom-"+role].Spec.Selector)
		require.Equal(t, labels, m.budgets["headroom-"+role].Spec.Selector.MatchLabels)
		require.Equal(t, m.services["headroom-"+role].Name, set.Spec.ServiceName)
		for key, value := range m.policy.Spec.PodSelector.MatchLabels {
			require.Equal(t, value, labels[key], "the network policy is for both")
		}
		pod := set.Spec.Template.Spec
		require.True(t, *pod.SecurityContext.RunAsNonRoot)
		require.True(t, *pod.Containers[0].SecurityContext.ReadOnlyRootFilesystem)
		require.Equal(t, []core.Capability{"ALL"}, pod.Containers[0].SecurityContext.Capabilities.Drop)
		ports := map[string]bool{}
		for _, p := range pod.Containers[0].Ports {
			ports[p.Name] = true
		}
		require.Equal(t, role == "gateway", ports["webhooks"])
		for _, p := range m.services["headroom-"+role].Spec.Ports {
			require.True(t, ports[p.TargetPort.String()], p.Name)
		}
		volumes := map[string]bool{set.Spec.VolumeClaimTemplates[0].Name: true}
		for _, v := range pod.Volumes {
			volumes[v.Name] = true
			if v.ConfigMap != nil {
				require.Equal(t, m.configMap.Name, v.ConfigMap.Name)
			}
		}
		for _, mount := range pod.Containers[0].VolumeMounts {
			require.True(t, volumes[mount.Name], mount.Name)
		}
		require.Contains(t, pod.Containers[0].Args, "/etc/headroom/"+role+".yaml")
		require.Contains(t, m.configMap.Data, role+".yaml")
	}
	backend := m.ingress.Spec.Rules[0].HTTP.Paths[0]
	require.Equal(t, "/webhooks/edrv", backend.Path)
	require.Equal(t, m.services["headroom-gateway"].Name, backend.Backend.Service.Name)
}

// TestTheRolesOfTheFleetDiffer: both files are taken, and differ in nothing but
// the role; what they steer is a file that the fleet takes.
func TestTheRolesOfTheFleetDiffer(t *testing.T) {
	m := readFleet(t)
	dir := t.TempDir()
	for _, name := range []string{"edrv_api_key", "webhook_secret", "admin_token", "nats_creds"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte("x"), 40), 0o440))
	}
	put := func(name string) (path string) {
		path = filepath.Join(dir, name)
		text := strings.ReplaceAll(m.configMap.Data[name], "/run/secrets/headroom", dir)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	parts := map[string]map[string]any{}
	for role := range m.sets {
		role = strings.TrimPrefix(role, "headroom-")
		path := put(role + ".yaml")
		output(t, buildHeadroom(t), "check", "--config", path)
		var file map[string]any
		require.NoError(t, strict.Unmarshal(read(t, path), &file))
		require.Equal(t, role, file["fleet"].(map[string]any)["role"])
		delete(file, "fleet")
		parts[role] = file
	}
	require.Equal(t, parts["gateway"], parts["controller"])
	require.Contains(t, output(t, buildHeadroom(t), "check", "--config", put("sites.yaml")), "fail-safe: yes")
	var file map[string]any
	require.NoError(t, strict.Unmarshal([]byte(m.configMap.Data["sites.yaml"]), &file))
	require.ElementsMatch(t, []string{"version", "control", "sites"}, slices.Collect(maps.Keys(file)))
}
