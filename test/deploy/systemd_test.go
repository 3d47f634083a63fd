package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const getSystemd = "apt-get install systemd"

// unit is a copy of the unit that runs a program which is there.
func unit(t *testing.T) string {
	t.Helper()
	text := string(read(t, folder+"/systemd/headroom.service"))
	const installed = "ExecStart=/usr/local/bin/headroom "
	require.Contains(t, text, installed)
	path := filepath.Join(t.TempDir(), "headroom.service")
	text = strings.ReplaceAll(text, installed, "ExecStart="+buildHeadroom(t)+" ")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// TestUnit: systemd understands every line and has nothing to complain of.
func TestUnit(t *testing.T) {
	analyze := program(t, "systemd-analyze", getSystemd)
	require.Empty(t, output(t, analyze, "verify", unit(t)))
}

// TestUnitIsConfined: what systemd calls the exposure is below 1.5 of 10.
func TestUnitIsConfined(t *testing.T) {
	analyze := program(t, "systemd-analyze", getSystemd)
	report := output(t, analyze, "security", "--offline=true", "--threshold=15", unit(t))
	t.Log(report[strings.Index(report, "Overall"):])
}

// TestUnitAndProgramFit: what the unit says is what the program does.
func TestUnitAndProgramFit(t *testing.T) {
	text := string(read(t, folder+"/systemd/headroom.service"))
	binary := buildHeadroom(t)
	command := regexp.MustCompile(`ExecStart=\S+ (.+)`).FindStringSubmatch(text)
	require.NotNil(t, command)
	arguments := strings.Fields(command[1])
	for i, argument := range arguments {
		if strings.HasSuffix(argument, ".yaml") {
			arguments[i] = filepath.Join(t.TempDir(), "missing.yaml")
		}
	}
	// Without a configuration it ends as one that is not to be started again.
	require.Equal(t, 78, exitCode(t, binary, arguments...))
	require.Regexp(t, `RestartPreventExitStatus=2 78\n`, text)
	// The guide has the names under which the secrets are found.
	guide := string(read(t, "../../docs/install.md"))
	for _, secret := range regexp.MustCompile(`LoadCredential=(\w+):`).FindAllStringSubmatch(text, -1) {
		require.Contains(t, guide, "${file:/run/credentials/headroom.service/"+secret[1]+"}")
	}
}
