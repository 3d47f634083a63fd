package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	network "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	strict "sigs.k8s.io/yaml"
)

// manifests are the objects that are installed.
type manifests struct {
	deployment apps.Deployment
	claim      core.PersistentVolumeClaim
	configMap  core.ConfigMap
	service    core.Service
	ingress    network.Ingress
	policy     network.NetworkPolicy
}

// readManifests reads every object as the API server does that refuses unknown
// keys (kubectl apply --validate=strict).
func readManifests(t *testing.T) *manifests {
	t.Helper()
	m := &manifests{}
	places := map[string]any{
		"apps/v1 Deployment": &m.deployment, "v1 PersistentVolumeClaim": &m.claim, "v1 ConfigMap": &m.configMap, "v1 Service": &m.service,
		"networking.k8s.io/v1 Ingress": &m.ingress, "networking.k8s.io/v1 NetworkPolicy": &m.policy,
	}
	for path, text := range documents(t, "kubernetes/*.yaml") {
		var kind meta.TypeMeta
		require.NoError(t, strict.Unmarshal(text, &kind), path)
		name := kind.APIVersion + " " + kind.Kind
		require.Contains(t, places, name, path)
		require.NoError(t, strict.UnmarshalStrict(text, places[name]), "%s: %s", path, name)
		delete(places, name)
	}
	require.Empty(t, places, "what is missing")
	return m
}

// TestThePodIsConfined: one at a time, as nobody, with nothing to write but its
// data.
func TestThePodIsConfined(t *testing.T) {
	m := readManifests(t)
	require.EqualValues(t, 1, *m.deployment.Spec.Replicas)
	require.Equal(t, apps.RecreateDeploymentStrategyType, m.deployment.Spec.Strategy.Type)
	pod := m.deployment.Spec.Template.Spec
	require.False(t, *pod.AutomountServiceAccountToken)
	require.True(t, *pod.SecurityContext.RunAsNonRoot)
	require.Equal(t, core.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
	box := pod.Containers[0].SecurityContext
	require.True(t, *box.ReadOnlyRootFilesystem)
	require.False(t, *box.AllowPrivilegeEscalation)
	require.Equal(t, []core.Capability{"ALL"}, box.Capabilities.Drop)
	require.NotZero(t, pod.Containers[0].Resources.Limits.Memory().Value())
	require.ElementsMatch(t, []network.PolicyType{"Ingress", "Egress"}, m.policy.Spec.PolicyTypes)
}

// TestThePartsOfThePodFit: probes, ports, volumes, selectors and the user of the
// image name the same things.
func TestThePartsOfThePodFit(t *testing.T) {
	m := readManifests(t)
	pod := m.deployment.Spec.Template.Spec
	box := pod.Containers[0]
	ports := map[string]int32{}
	for _, p := range box.Ports {
		ports[p.Name] = p.ContainerPort
	}
	require.Equal(t, map[string]int32{"webhooks": 8080, "admin": 9090}, ports)
	require.Equal(t, "/healthz", box.LivenessProbe.HTTPGet.Path)
	require.Equal(t, "/readyz", box.ReadinessProbe.HTTPGet.Path)
	for _, probe := range []*core.Probe{box.LivenessProbe, box.ReadinessProbe, box.StartupProbe} {
		require.Equal(t, "admin", probe.HTTPGet.Port.String())
	}
	labels := m.deployment.Spec.Template.Labels
	require.Equal(t, labels, m.deployment.Spec.Selector.MatchLabels)
	require.Equal(t, labels, m.service.Spec.Selector)
	require.Equal(t, labels, m.policy.Spec.PodSelector.MatchLabels)
	for _, p := range m.service.Spec.Ports {
		require.Contains(t, ports, p.TargetPort.String())
	}
	backend := m.ingress.Spec.Rules[0].HTTP.Paths[0]
	require.Equal(t, "/webhooks/edrv", backend.Path)
	require.Equal(t, m.service.Name, backend.Backend.Service.Name)
	require.Equal(t, "webhooks", backend.Backend.Service.Port.Name)
	volumes := map[string]core.VolumeSource{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = v.VolumeSource
	}
	for _, mount := range box.VolumeMounts {
		require.Contains(t, volumes, mount.Name)
	}
	require.Equal(t, m.configMap.Name, volumes["configuration"].ConfigMap.Name)
	require.Equal(t, m.claim.Name, volumes["data"].PersistentVolumeClaim.ClaimName)
	require.EqualValues(t, 0o440, *volumes["secrets"].Secret.DefaultMode, "headroom refuses secrets that are open to everybody")
	image := string(read(t, "../../Dockerfile"))
	require.Contains(t, image, "USER 65532:65532\n")
	require.EqualValues(t, 65532, *pod.SecurityContext.RunAsUser)
	require.EqualValues(t, 65532, *pod.SecurityContext.FSGroup)
}

// TestHeadroomTakesTheConfiguration of the ConfigMap, with the secrets where the
// volume has them.
func TestHeadroomTakesTheConfiguration(t *testing.T) {
	text := readManifests(t).configMap.Data["headroom.yaml"]
	dir := t.TempDir()
	for _, name := range []string{"edrv_api_key", "webhook_secret", "admin_token"} {
		require.Contains(t, text, "${file:/run/secrets/headroom/"+name+"}")
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte("x"), 40), 0o440))
	}
	text = strings.ReplaceAll(text, "/run/secrets/headroom", dir)
	path := filepath.Join(dir, "headroom.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	binary := buildHeadroom(t)
	require.Contains(t, output(t, binary, "check", "--config", path), "fail-safe: yes")

	// It runs with it too, with addresses and data that a test may have.
	text = strings.NewReplacer("/data", filepath.Join(dir, "data"), "0.0.0.0:8080", "127.0.0.1:0", "0.0.0.0:9090", "127.0.0.1:0",
		"webhook_secrets", "url: http://127.0.0.1:1/v1.1\n  webhook_secrets").Replace(text)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	start(t, regexp.MustCompile(`headroom is running.* admin=(\S+)`), binary, "run", "--config", path)
}
