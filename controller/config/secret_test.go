package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	cfg, err := parseFile(t, "testdata/valid/private_network.yaml")
	require.NoError(t, err)
	require.Equal(t, "canary-api-key", cfg.EDRV.APIKey.Reveal())
	require.Equal(t, "canary-webhook-secret", cfg.EDRV.WebhookSecrets[0].Reveal())
	require.Equal(t, "canary-api-key", cfg.EDRV.WebhookSecrets[1].Reveal())

	s := cfg.EDRV.APIKey
	for _, out := range []string{s.String(), s.GoString(), fmt.Sprint(s), fmt.Sprintf("%s", s), fmt.Sprintf("%x", s)} {
		require.Equal(t, "[redacted]", out)
	}
	// fmt calls no method of a value in an unexported field.
	hidden := struct {
		s   Secret
		cfg *Config
	}{s, cfg}
	all := map[Secret]*Config{s: cfg}
	var b bytes.Buffer
	for _, v := range []any{s, &s, cfg, *cfg, hidden, &hidden, all} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&b, verb, v)
		}
		for _, handler := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
			slog.New(handler).Info("configuration", "value", v)
		}
	}
	inJSON, err := json.Marshal(map[string]any{"cfg": cfg, "keys": map[Secret]int{s: 1}})
	require.NoError(t, err)
	inYAML, err := yaml.Marshal(cfg.EDRV)
	require.NoError(t, err)
	b.Write(inJSON)
	b.Write(inYAML)
	require.Contains(t, b.String(), "[redacted]")
	require.NotContains(t, b.String(), "canary")
}

func TestSecretValue(t *testing.T) {
	var none Secret
	require.Empty(t, none.Reveal())
	require.False(t, none.IsSet())
	made := NewSecret("a")
	require.True(t, made.IsSet())
	require.True(t, made.Equal(NewSecret("a")))
	require.False(t, made.Equal(none))
}

func TestSecretFromFile(t *testing.T) {
	tests := []struct {
		name    string
		content string
		mode    os.FileMode
		want    string
		warning string
		err     string
	}{
		{name: "owner only", content: "canary", mode: 0o600, want: "canary"},
		{name: "one line break is cut", content: "canary\n", mode: 0o640, want: "canary"},
		{name: "one Windows line break is cut", content: "canary\r\n", mode: 0o440, want: "canary"},
		{name: "two line breaks", content: "canary\n\n", mode: 0o600, err: "holds a line break or another control character: remove it"},
		{name: "open to everybody", content: "canary", mode: 0o644, err: "is open to everybody (mode 0644): chmod 0640 it (Kubernetes: defaultMode: 0440)"},
		{name: "writable by the group", content: "canary", mode: 0o660, want: "canary", warning: "can be changed by its group (mode 0660): chmod 0640 it"},
		{name: "empty", content: "\n", mode: 0o600, err: "is empty: write the secret into it"},
		{name: "large", content: string(make([]byte, maxSecretSize+1)), mode: 0o600, err: "is too large for a secret"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			require.NoError(t, os.WriteFile(path, []byte(test.content), 0o600))
			require.NoError(t, os.Chmod(path, test.mode))
			text := "edrv: {api_key: '${file:" + path + "}', webhook_secrets: ['${EDRV_WEBHOOK_SECRET}']}\nlisten: {}\n" + sitesAlone
			cfg, err := Parse("site.yaml", []byte(text), ForRun, testEnv)
			if test.err != "" {
				require.ErrorContains(t, err, "site.yaml:1:17: edrv.api_key: ")
				require.ErrorContains(t, err, test.err)
				require.NotContains(t, err.Error(), "canary")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, cfg.EDRV.APIKey.Reveal())
			if test.warning == "" {
				require.Empty(t, cfg.Warnings)
				return
			}
			require.ErrorContains(t, cfg.Warnings, test.warning)
		})
	}
}

func TestSecretFileOfAnotherUser(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads every file")
	}
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte("canary"), 0))
	_, _, err := readSecret(path)
	require.ErrorContains(t, err, "cannot be read: permission denied")
}

// A credentials file of NATS has lines; no other secret may.
func TestSecretOfSeveralLines(t *testing.T) {
	cfg, err := parseFile(t, "testdata/valid/fleet.yaml")
	require.NoError(t, err)
	require.Equal(t, "canary\nlines", cfg.Fleet.Creds.Reveal())
	require.True(t, cfg.Fleet.IsSet())
	require.True(t, cfg.Fleet.Role.Steers() && cfg.Fleet.Role.TakesWebhooks())

	s := Secret{ref: "${TWO_LINES}"}
	_, err = s.resolve(testEnv)
	require.ErrorContains(t, err, "a line break")
}
