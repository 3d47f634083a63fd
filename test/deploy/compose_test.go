package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// TestCompose reads the file as docker compose does, which refuses what it does
// not know, and follows what it mounts and names.
func TestCompose(t *testing.T) {
	path, err := filepath.Abs(folder + "/compose.yaml")
	require.NoError(t, err)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: filepath.Dir(path), ConfigFiles: []types.ConfigFile{{Filename: path}}, Environment: types.Mapping{},
	})
	require.NoError(t, err)
	services := map[string]types.ServiceConfig{}
	for name, s := range project.Services {
		services[name] = s
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				_, err := os.Stat(v.Source)
				require.NoError(t, err, name)
				require.True(t, v.ReadOnly, "%s: %s", name, v.Source)
			}
		}
		for _, p := range s.Ports {
			require.Equal(t, "127.0.0.1", p.HostIP, "%s is for this machine only", name)
		}
	}
	// The names and ports by which they find each other.
	require.Contains(t, string(read(t, folder+"/prometheus/prometheus.yml")), "targets: [headroom:9090]")
	require.Equal(t, []string{"demo", "--admin", "0.0.0.0:9090"}, []string(services["headroom"].Command))
	require.Contains(t, string(read(t, folder+"/grafana/provisioning/datasources/prometheus.yml")), "http://prometheus:9090")
	require.Contains(t, services, "prometheus")
	// What is provisioned lies where Grafana is told to look.
	boards := folder + "/grafana/provisioning/dashboards/headroom.yml"
	var provider struct {
		Providers []struct{ Options struct{ Path string } }
	}
	decodeLoosely(t, boards, &provider)
	mounted := ""
	for _, v := range services["grafana"].Volumes {
		if strings.HasSuffix(v.Source, "/grafana/dashboards") {
			mounted = v.Target
		}
	}
	require.Equal(t, mounted, provider.Providers[0].Options.Path)
	home := *services["grafana"].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	require.FileExists(t, folder+"/grafana/dashboards/"+strings.TrimPrefix(home, mounted+"/"))

	token := *services["headroom"].Environment["HEADROOM_ADMIN_TOKEN"]
	t.Setenv("HEADROOM_ADMIN_TOKEN", token)
	output(t, buildHeadroom(t), "demo", "--admin", "0.0.0.0:0", "--duration", "1s")
}
