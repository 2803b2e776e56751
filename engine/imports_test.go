package engine_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// verbs is what a verb may import, which is no other verb.
var verbs = []string{
	"phlb/engine/repository", "phlb/engine/known", "phlb/engine/parent", "phlb/engine/content", "phlb/engine/foreign",
	"phlb/engine/walk", "phlb/engine/store", "phlb/engine/catalog", "phlb/engine/catalog/journal", "phlb/engine/config", "phlb/engine/manifest",
}

// arrows says which packages of this module, and which of the others that are
// kept to one place, each may import, tests included.
var arrows = map[string][]string{
	"phlb/cmd/phlb":          {"phlb/cmd/phlb/*", "phlb/builtins", "phlb/runtime", "phlb/engine", "phlb/engine/*", "phlb/scripts", "go.starlark.net"},
	"phlb/cmd/phlb/metrics":  {"phlb/engine", "phlb/engine/config"},
	"phlb/cmd/phlb/mod":      {"phlb/cmd/phlb/mod/git", "phlb/cmd/phlb/mod/listed", "phlb/runtime", "phlb/engine/config"},
	"phlb/cmd/phlb/repl":     {"phlb/builtins", "phlb/cmd/phlb/show", "phlb/runtime", "phlb/engine", "phlb/engine/*", "phlb/scripts", "go.starlark.net"},
	"phlb/cmd/phlb/show":     {"phlb/builtins", "phlb/runtime", "phlb/engine", "phlb/engine/*", "go.starlark.net"},
	"phlb/cmd/phlb/schedule": {"phlb/runtime"},
	"phlb/cmd/phlb/serve":    {"phlb/cmd/phlb/metrics", "phlb/cmd/phlb/serve/*", "phlb/engine", "phlb/engine/*"},

	"phlb/cmd/phlb/mod/git":        {"phlb/engine/config"},
	"phlb/cmd/phlb/mod/listed":     {},
	"phlb/cmd/phlb/serve/address":  {"phlb/engine"},
	"phlb/cmd/phlb/serve/door":     {},
	"phlb/cmd/phlb/serve/draw":     {"phlb/cmd/phlb/serve/words"},
	"phlb/cmd/phlb/serve/records":  {"phlb/cmd/phlb/serve/address", "phlb/engine", "phlb/engine/manifest", "phlb/engine/store"},
	"phlb/cmd/phlb/serve/text":     {},
	"phlb/cmd/phlb/serve/timeline": {"phlb/cmd/phlb/serve/address", "phlb/engine", "phlb/engine/manifest"},
	"phlb/cmd/phlb/serve/words":    {"phlb/engine/manifest"},

	"phlb/cmd/phlb-bench":    {"phlb/engine/*"},
	"phlb/builtins":          {"phlb/engine", "phlb/engine/*", "phlb/runtime", "go.starlark.net"},
	"phlb/scripts":           {"phlb/runtime", "phlb/engine/config", "go.starlark.net"}, // its tests run the scripts
	"phlb/runtime":           {"go.starlark.net"},
	spelling:                 {},
	publishing:               {"phlb/engine/handle"},
	"phlb/engine":            {"phlb/engine/*"},
	"phlb/engine/backup":     append([]string{"phlb/engine/losses"}, verbs...),
	"phlb/engine/verify":     verbs,
	"phlb/engine/restore":    append([]string{"phlb/engine/store/folding"}, verbs...),
	"phlb/engine/diff":       verbs,
	"phlb/engine/archive":    verbs,
	"phlb/engine/repository": {"phlb/engine/moment", "phlb/engine/parent", "phlb/engine/walk", "phlb/engine/store", "phlb/engine/catalog", "phlb/engine/catalog/journal", "phlb/engine/config", "phlb/engine/manifest"},
	"phlb/engine/known":      {"phlb/engine/repository", "phlb/engine/content", "phlb/engine/walk", "phlb/engine/store", "phlb/engine/catalog", "phlb/engine/manifest"},
	"phlb/engine/foreign":    {"phlb/engine/content", "phlb/engine/store", "phlb/engine/walk", "phlb/engine/manifest"},
	"phlb/engine/losses":     {"phlb/engine/store", "phlb/engine/walk", "phlb/engine/manifest"},
	"phlb/engine/parent":     {"phlb/engine/store", "phlb/engine/walk", "phlb/engine/config", "phlb/engine/manifest"},
	"phlb/engine/content":    {"phlb/engine/store", "phlb/engine/walk", "phlb/engine/manifest"},
	"phlb/engine/config":     {},
	"phlb/engine/fault":      {}, // tests alone
	"phlb/engine/memory":     {"modernc.org/sqlite"},
	"phlb/engine/moment":     {},
	forTests:                 {},
	"phlb/engine/manifest":   {},
	"phlb/engine/handle":     {"phlb/engine/handle/inode", "phlb/engine/handle/nt", "phlb/engine/manifest"},
	"phlb/engine/walk":       {"phlb/engine/handle", "phlb/engine/handle/inode", "phlb/engine/manifest"},
	"phlb/engine/store":      {"phlb/engine/store/*", "phlb/engine/lock", "phlb/engine/handle", "phlb/engine/handle/inode", "phlb/engine/handle/nt", "phlb/engine/manifest"},
	"phlb/engine/lock":       {"phlb/engine/handle", "phlb/engine/handle/nt"},

	"phlb/engine/store/deletion": {"phlb/engine/handle", "phlb/engine/manifest"},
	"phlb/engine/store/folding":  {},

	"phlb/engine/catalog": {"phlb/engine/catalog/journal", "phlb/engine/catalog/keyed", "phlb/engine/catalog/rows", "phlb/engine/catalog/qlfile", "phlb/engine/manifest", "modernc.org/ql"},

	"phlb/engine/catalog/journal": {"phlb/engine/catalog/rows", "phlb/engine/manifest"},
	"phlb/engine/catalog/keyed":   {"phlb/engine/catalog/rows"},
	"phlb/engine/catalog/rows":    {"phlb/engine/catalog/qlfile", "phlb/engine/manifest"},

	"phlb/engine/catalog/ask":           {"phlb/engine/memory", "phlb/engine/catalog/ask/*", "phlb/engine/catalog/qlfile", "phlb/engine/catalog/rows", "phlb/engine/catalog", "phlb/engine/manifest", "modernc.org/sqlite"}, // its tests fill a catalog
	"phlb/engine/catalog/ask/computed":  {"phlb/engine/catalog/qlfile", "phlb/engine/catalog/rows", "phlb/engine/manifest"},
	"phlb/engine/catalog/ask/statement": {},

	"phlb/engine/handle/inode":   {"phlb/engine/manifest"},
	"phlb/engine/handle/nt":      {},
	"phlb/engine/catalog/qlfile": {"modernc.org/ql", "modernc.org/lldb", "modernc.org/file"},
}

// spelling is a package that any other may import: it knows neither Starlark nor
// backups.
const spelling = "phlb/runtime/spelling"

// publishing is what puts files in the place of others, wherever they lie.
const publishing = "phlb/engine/publish"

// forTests is what every test may import, and nothing else.
const forTests = "phlb/engine/testenv"

// ours is how the packages of this module begin.
const ours = "phlb/"

// kept are other modules that few packages may import.
var kept = []string{"go.starlark.net", "modernc.org/ql", "modernc.org/lldb", "modernc.org/file", "modernc.org/sqlite", "github.com/cznic/ql"}

func TestImports(t *testing.T) {
	list := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", ours+"...")
	out, err := list.Output()
	if err != nil || len(out) == 0 {
		t.Skipf("needs the go tool and the source: %v", err)
	}
	seen := 0
	for in := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		allowed, ok := arrows[p.ImportPath]
		if !ok {
			t.Errorf("%s has no place in the house", p.ImportPath)
		}
		if slices.Contains(p.Imports, forTests) {
			t.Errorf("%s imports %s, which is for tests", p.ImportPath, forTests)
		}
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if path != p.ImportPath && path != spelling && path != publishing && path != forTests && (strings.HasPrefix(path, ours) || of(path, kept)) && !may(path, allowed) {
				t.Errorf("%s imports %s", p.ImportPath, path)
			}
		}
	}
	if seen != len(arrows) {
		t.Errorf("%d packages, want %d", seen, len(arrows))
	}
}

// of reports whether a package is of one of the modules.
func of(path string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}

// may reports whether a package is allowed: by its own path, as one below
// "path/*", or as one of another module.
func may(path string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		below, all := strings.CutSuffix(a, "*")
		return path == a || all && strings.HasPrefix(path, below) || !strings.HasPrefix(a, ours) && of(path, []string{a})
	})
}
