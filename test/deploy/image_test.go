package deploy

import (
	"debug/elf"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestImage runs the build command of the Dockerfile, since no engine is needed
// for that: an image from scratch has no dynamic linker, and the release is in
// the program.
func TestImage(t *testing.T) {
	text := string(read(t, "../../Dockerfile"))
	command := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .+)$`).FindStringSubmatch(text)
	require.NotNil(t, command)
	binary := filepath.Join(t.TempDir(), "headroom")
	script := strings.NewReplacer("-o /headroom", "-o "+binary, "${RELEASE}", "v1.2.3").Replace(command[1])
	require.Contains(t, script, binary)
	output(t, "sh", "-c", "cd ../.. && "+script)

	require.Contains(t, output(t, binary, "version"), "headroom v1.2.3, ")
	program, err := elf.Open(binary)
	require.NoError(t, err)
	defer program.Close()
	for _, part := range program.Progs {
		require.NotEqual(t, elf.PT_INTERP, part.Type, "it is linked dynamically")
	}
	require.Contains(t, text, "FROM scratch\n")
	require.Contains(t, text, `ENTRYPOINT ["/headroom"]`)
	for _, port := range []string{"8080", "9090"} {
		require.Regexp(t, `(?m)^EXPOSE .*\b`+port+`\b`, text)
	}
}
