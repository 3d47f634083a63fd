package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module   = "github.com/headroom-ev/headroom"
	root     = "../.."
	maxLines = 500
)

// mayImport says which packages of ours a package may import, by folder. A
// package that is not listed may import any but those of cmd.
var mayImport = map[string][]string{
	"policy":            {},
	"edrvapi":           {},
	"edrvapi/edrvsim":   {},
	"controller/config": {"policy"},
	"controller/ledger": {"policy"},
	"controller/meter":  {"policy", "controller/config"},
	// What outlives the process knows nothing of what it means.
	"controller/journal": {},
	"controller/fleet":   {},
	"controller/core":    {"policy", "controller/ledger", "edrvapi"},
	"controller/web":     {"policy", "controller/core", "edrvapi"},
	"controller":         {"policy", "edrvapi", "controller/"},
	"cmd/headroom":       {"controller", "controller/", "policy", "internal/"},
	"internal/simulate":  {"policy", "controller/", "edrvapi", "edrvapi/edrvsim"},
	// The yardstick of the engine shares no code with it.
	"internal/replay/optimum": {},
	"internal/replay/picture": {},
}

// pure packages decide; they see no clock, chance, network, disk or goroutine.
var pure = map[string]bool{"policy": true, "controller/ledger": true, "controller/core": true}

// forbidden in pure packages: names by package.
var forbidden = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "AfterFunc"},
	"fmt":  {"Print", "Printf", "Println"},
}

var forbiddenImports = []string{"math/rand", "math/rand/v2", "net", "net/http", "os", "context", "log", "log/slog", "sync", "sync/atomic"}

type source struct {
	path, folder string
	test         bool
	file         *ast.File
	lines        int
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "testdata" || rel == "test" || rel == "internal/deps" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(set, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{
			path: rel, folder: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(path, "_test.go"),
			file: file, lines: strings.Count(string(text), "\n"),
		})
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	for _, s := range sources(t) {
		allowed, listed := mayImport[s.folder]
		for _, spec := range s.file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			ours, isOurs := strings.CutPrefix(path, module+"/")
			if s.folder == "policy" && !s.test && strings.Contains(path, ".") {
				t.Errorf("%s imports %s: policy uses the standard library only", s.path, path)
			}
			if !isOurs || s.test || !listed {
				continue
			}
			ok := false
			for _, a := range allowed {
				ok = ok || ours == a || strings.HasSuffix(a, "/") && strings.HasPrefix(ours, a)
			}
			if !ok {
				t.Errorf("%s imports %s, which %s may not", s.path, ours, s.folder)
			}
		}
	}
}

func TestPurePackagesAreFreeOfClockChanceAndIO(t *testing.T) {
	for _, s := range sources(t) {
		if !pure[s.folder] || s.test {
			continue
		}
		for _, spec := range s.file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			for _, f := range forbiddenImports {
				if path == f {
					t.Errorf("%s imports %s", s.path, path)
				}
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", s.path)
			case *ast.SelectorExpr:
				pkg, ok := n.X.(*ast.Ident)
				for _, name := range forbidden[identName(pkg, ok)] {
					if n.Sel.Name == name {
						t.Errorf("%s uses %s.%s", s.path, pkg.Name, name)
					}
				}
			case *ast.Ident:
				if n.Name == "float64" && s.folder != "controller/core" { // core writes views for people
					t.Errorf("%s uses float64", s.path)
				}
			}
			return true
		})
	}
}

func identName(id *ast.Ident, ok bool) string {
	if !ok {
		return ""
	}
	return id.Name
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > maxLines {
			t.Errorf("%s has %d lines: split it", s.path, s.lines)
		}
	}
}

func TestEveryPackageSaysWhatItPromises(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			documented[s.folder] = documented[s.folder] || s.file.Doc != nil
		}
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", folder)
		}
	}
}
