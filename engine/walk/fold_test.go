package walk

import (
	"testing"

	"phlb/engine/manifest"
)

// TestFold has rules and globs match whatever the case, where names are one that
// differ in it alone. It changes what the system does: not in parallel.
func TestFold(t *testing.T) {
	defer func(was bool) { namesFold = was }(namesFold)
	for _, namesFold = range []bool{false, true} {
		rules := Rules{Skip: []string{"*.TMP", "Cache", "In/*.log"}, SkipDirs: []string{"Node_Modules"},
			Ordered: []Rule{{Text: "Thumbs.DB"}, {Text: "/Build/*.O"}, {Text: "*.[B]ak"}, {Text: "\u00dcber"}}}
		m, err := rules.compile()
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			folder, name string
			isDir, same  bool // in its case
		}{
			{".", "a.TMP", false, true},
			{".", "a.tmp", false, false},
			{"sub", "CACHE", true, false},
			{"in", "x.LOG", false, false},
			{".", "node_modules", true, false},
			{".", "Thumbs.DB", false, true},
			{"deep/er", "thumbs.db", false, false},
			{"BUILD", "a.o", false, false},
			{".", "x.BAK", false, false},
			{".", "\u00fcber", false, false},
		} {
			f := &Folder{frame: m.ordered, path: test.folder}
			if got, _ := m.decide(f, test.name, test.isDir); got != (test.same || namesFold) {
				t.Errorf("%s/%s is left out: %v, where names fold: %v", test.folder, test.name, got, namesFold)
			}
		}
	}
}

// TestRemote leaves out what would be fetched from a server, unless it is wanted.
func TestRemote(t *testing.T) {
	t.Parallel()
	far := &Entry{Remote: true}
	far.Kind = manifest.File
	if why, err := (&Rules{}).unwanted(0, far); why != Remote || err != nil {
		t.Errorf("a placeholder is left out by %q, %v", why, err)
	}
	if why, err := (&Rules{Fetch: true}).unwanted(0, far); why != "" || err != nil {
		t.Errorf("one that is wanted is left out by %q, %v", why, err)
	}
}
