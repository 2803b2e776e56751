package runtime

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.starlark.net/starlark"
)

func TestHere(t *testing.T) {
	dir := tree(t,
		"scripts/a.star", `load("lib/b.star", "where")
def main(source = here()): return source, where()
`,
		"scripts/lib/b.star", "def where(): return here()\n")
	if err := os.Symlink("scripts/a.star", filepath.Join(dir, "link.star")); err != nil {
		t.Skip(err)
	}
	t.Chdir(dir)
	want := starlark.Tuple{starlark.String(filepath.Join(dir, "scripts")), starlark.String(filepath.Join(dir, "scripts", "lib"))}.String()
	for _, name := range []string{"scripts/a.star", "link.star", filepath.Join(dir, "scripts/a.star")} {
		h, _ := newHost()
		s, err := h.Load(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Run(context.Background(), nil); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v; want %s", name, got, err, want)
		}
	}
}

func TestHereOfALibrary(t *testing.T) {
	h, _ := newHost()
	h.Modules = map[string]*Module{"std": {Label: "@std", Files: libraryFS("lib.star", "def where(): return here()\n")}}
	_, err := runSource(h, "load(\"@std//lib.star\", \"where\")\ndef main(): where()\n")
	wantError(t, err, "here: @std//lib.star lies in no folder")
}
