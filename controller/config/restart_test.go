package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatNeedsARestartIsNamed(t *testing.T) {
	const file = `
edrv: {url: "https://a.example", api_key: "${EDRV_API_KEY}", webhook_secrets: ["${EDRV_WEBHOOK_SECRET}"], requests_per_second: 5}
listen: {webhooks: "127.0.0.1:1", admin: "127.0.0.1:2"}
data_dir: /var/one
sites: [{id: depot, circuits: [{id: grid, limit: {kw: 50}}]}]
`
	parse := func(replace ...string) *Config {
		cfg, err := Parse("test.yaml", []byte(strings.NewReplacer(replace...).Replace(file)), ForRun, testEnv)
		require.NoError(t, err)
		return cfg
	}
	require.Empty(t, NeedsRestart(parse(), parse("kw: 50", "kw: 40", "requests_per_second: 5", "set_limit_method: PUT")))
	require.Equal(t, []string{"edrv.url", "listen.webhooks", "listen.admin", "data_dir"},
		NeedsRestart(parse(), parse("a.example", "b.example", ":1\"", ":3\"", ":2\"", ":4\"", "one", "two")))
}
