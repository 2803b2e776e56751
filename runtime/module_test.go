package runtime

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Two modules may go by one name, each where it was given that name, and what
// a module loads by // is its own.
func TestModulesOfModules(t *testing.T) {
	t.Parallel()
	far := &Module{Label: "@acme.util", Origin: "x", Files: libraryFS("u.star", "name = 'of acme'")}
	near := &Module{Label: "@util", Origin: "x", Files: libraryFS("u.star", "name = 'mine'")}
	acme := &Module{Label: "@acme", Origin: "x", Modules: map[string]*Module{"util": far}, Files: libraryFS(
		"deep/a.star", "load('@util//u.star', 'name')\nload('//b.star', 'b')\nload('@std//s.star', 's')\na = [name, b, s]",
		"b.star", "b = 'b'",
		"undeclared.star", "load('@other//x.star', 'x')",
		"up.star", "load('//../b.star', 'b')")}
	std := &Module{Label: "@std", Files: libraryFS("s.star", "s = 's'")}
	modules := map[string]*Module{"acme": acme, "util": near, "std": std, "other": {Label: "@other", Origin: "x", Files: libraryFS("x.star", "x = 1")}}
	for _, tt := range []struct{ main, printed, err string }{
		{"load('@acme//deep/a.star', 'a')\nload('@util//u.star', 'name')\nprint(a, name)", "[\"of acme\", \"b\", \"s\"] mine\n", ""},
		{"load('@acme//undeclared.star', 'x')", "", "@other//x.star: no module @other, only @util"},
		{"load('@acme//up.star', 'b')", "", "//../b.star: outside of @acme, which loads only its own files"},
		{"load('@acme.util//u.star', 'name')", "", "no module @acme.util, only @acme, @other, @std, @util"},
	} {
		h, out := newHost()
		h.Modules = modules
		err := runFile(h, filepath.Join(tree(t, "main.star", tt.main), "main.star"))
		if tt.err != "" {
			wantError(t, err, tt.err)
		} else if err != nil || out.String() != tt.printed {
			t.Errorf("%s: error %v, printed %q", tt.main, err, out)
		}
	}
}

// What begins with // lies in the root, and is one file with what is loaded by
// another name of it. It is part of the script only in the script's folder.
func TestLoadFromRoot(t *testing.T) {
	t.Parallel()
	dir := tree(t,
		"lib/x.star", "print('loaded')\nload('//lib/y.star', 'y')\nx = y",
		"lib/y.star", "y = 1",
		"lib/touch.star", "def go(): return touch()",
		"policies/sub/touch.star", "def go(): return touch()")
	for _, tt := range []struct{ main, printed, err string }{
		{"load('//lib/x.star', 'x')\nload('../lib/x.star', again = 'x')\nprint(x, again)", "loaded\n1 1\n", ""},
		{"load('//policies/sub/touch.star', 'go')\ndef main(): print(go())", "touched\n", ""},
		{"load('//lib/touch.star', 'go')", "", "undefined: touch in a file outside of the script's folder"},
		{"load('//../x.star', 'x')", "", "//../x.star: outside of " + dir + ", which // stands for"},
		{"load('///etc/passwd', 'x')", "", "///etc/passwd: outside of " + dir + ", which // stands for"},
		{"load('//lib/z.star', 'x')", "", filepath.Join("lib", "z.star: ") + syscall.ENOENT.Error()},
	} {
		h, out := newHost()
		h.Root = dir
		main := filepath.Join(dir, "policies", "main.star")
		if err := os.WriteFile(main, []byte(tt.main), 0o666); err != nil {
			t.Fatal(err)
		}
		err := runFile(h, main)
		if tt.err != "" {
			wantError(t, err, tt.err)
		} else if err != nil || out.String() != tt.printed {
			t.Errorf("%s: error %v, printed %q", tt.main, err, out)
		}
	}
	h, _ := newHost()
	wantError(t, runFile(h, filepath.Join(tree(t, "main.star", "load('//x.star', 'x')"), "main.star")),
		"//x.star: what begins with // is looked for in the folder of phlb.toml, and there is none above the script")
}
