package lint

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(text)
}

// tests are the tests and fuzz targets of the tree, as "folder Name".
func tests(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && f.Recv == nil {
				found[s.folder+" "+f.Name.Name] = true
			}
		}
	}
	return found
}

var (
	threatRow  = regexp.MustCompile(`(?m)^\| T(\d+) \|.*\| ([^|]*) \|$`)
	promiseRow = regexp.MustCompile("(?m)^\\| (.*) \\| (.*) \\| (?:the same|`.*`) \\|$")
	testNames  = regexp.MustCompile("`([a-z/]+)` ((?:(?:Test|Fuzz)\\w+(?:, )?)+)")
)

func TestEveryThreatHasATest(t *testing.T) {
	exists := tests(t)
	rows := threatRow.FindAllStringSubmatch(read(t, "docs/security.md"), -1)
	require.Len(t, rows, 20)
	for i, row := range rows {
		require.Equal(t, fmt.Sprint(i+1), row[1])
		requireTests(t, exists, "T"+row[1], row[2])
	}
}

func TestEveryPromiseHasATestOrAnInvariant(t *testing.T) {
	exists := tests(t)
	table, _, _ := strings.Cut(read(t, "docs/safety.md"), "## Over the limit")
	rows := promiseRow.FindAllStringSubmatch(table, -1)
	require.Len(t, rows, strings.Count(table, "\n| ")-1, "a row is not understood") // less the heading
	for _, row := range rows {
		if !strings.Contains(row[2], "invariant") || strings.Contains(row[2], "Test") {
			requireTests(t, exists, row[1], row[2])
		}
	}
}

// requireTests requires that the text names tests, and only such that exist.
func requireTests(t *testing.T, exists map[string]bool, what, text string) {
	t.Helper()
	named := 0
	for _, group := range testNames.FindAllStringSubmatch(text, -1) {
		for name := range strings.SplitSeq(group[2], ", ") {
			named++
			require.True(t, exists[group[1]+" "+name], "%s: %s has no %s", what, group[1], name)
		}
	}
	require.Equal(t, strings.Count(text, "Test")+strings.Count(text, "Fuzz"), named, "%s: a name is not understood: %s", what, text)
	require.Positive(t, named, "%s has no test", what)
}

// TestTheGuideListsEveryPage in its table of contents.
func TestTheGuideListsEveryPage(t *testing.T) {
	contents := read(t, "docs/README.md")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" {
			require.Contains(t, contents, "]("+name+")")
		}
	}
}

// direct finds the modules that go.mod requires itself.
var direct = regexp.MustCompile(`(?m)^\t(\S+) v\S+$`)

func TestEveryDirectModuleHasAReason(t *testing.T) {
	var required, explained []string
	for _, m := range direct.FindAllStringSubmatch(read(t, "go.mod"), -1) {
		required = append(required, m[1])
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\S+)` \\| (.{10,}) \\|$").FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		explained = append(explained, m[1])
	}
	slices.Sort(required)
	require.NotEmpty(t, required)
	require.Equal(t, required, explained, "docs/dependencies.md lists the direct modules of go.mod, sorted, each with its reason")
}

// TestTheImageIsHardened: what the image promises stands in its last stage.
func TestTheImageIsHardened(t *testing.T) {
	text := read(t, "Dockerfile")
	stages := strings.Split(text, "\nFROM ")
	last := "FROM " + stages[len(stages)-1]
	for _, want := range []string{"FROM scratch\n", "\nUSER 65532:65532\n", "\nENV GOMEMLIMIT=200MiB\n"} {
		require.Contains(t, last, want)
	}
	for _, want := range []string{"CGO_ENABLED=0", "-trimpath", "go mod verify", "--read-only", "--cap-drop ALL", "no-new-privileges"} {
		require.Contains(t, text, want)
	}
}

// TestFuzzTargetsRunInCI: .ci/run lists every fuzz target of the tree.
func TestFuzzTargetsRunInCI(t *testing.T) {
	script := read(t, ".ci/run")
	for name := range tests(t) {
		folder, target, _ := strings.Cut(name, " ")
		if strings.HasPrefix(target, "Fuzz") {
			require.Contains(t, script, "./"+folder+" "+target+"\n", "fuzz target %s of %s", target, folder)
		}
	}
}
