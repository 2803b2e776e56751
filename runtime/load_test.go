package runtime

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

// libraryFS returns a file system of files, given as name and content in turn.
func libraryFS(files ...string) fs.FS {
	m := make(fstest.MapFS)
	for i := 0; i < len(files); i += 2 {
		m[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return m
}

func TestLoad(t *testing.T) {
	tests := []struct {
		name    string
		files   []string // main.star first
		printed string
	}{
		{"SameNameTwice", []string{
			"main.star", "load('a/m.star', 'a')\nload('b/m.star', 'b')\nprint(a, b)",
			"a/m.star", "load('lib.star', 'x')\na = x", "a/lib.star", "x = 'a'",
			"b/m.star", "load('lib.star', 'x')\nb = x", "b/lib.star", "x = 'b'",
		}, "a b\n"},
		{"Once", []string{
			"main.star", "load('lib.star', 'x')\nload('sub/../lib.star', y = 'x')\nprint(x, y)",
			"lib.star", "print('loaded')\nx = 1",
		}, "loaded\n1 1\n"},
		{"Up", []string{
			"main.star", "load('sub/m.star', 'y')\nprint(y)",
			"sub/m.star", "load('../lib.star', 'x')\ny = x", "lib.star", "x = 1",
		}, "1\n"},
		{"EffectLater", []string{
			"main.star", "load('lib.star', 'go')\ndef main(): print(go())",
			"lib.star", "def go(): return touch()",
		}, "touched\n"},
		{"Library", []string{
			"main.star", "load('@std//sub/m.star', 'y')\nprint(y)",
		}, "std 12\n"},
		{"EffectHandedIn", []string{
			"main.star", "load('@std//sub/m.star', 'call')\ndef main(): print(call(touch))",
		}, "touched\n"},
	}
	std := libraryFS(
		"sub/m.star", "load('../lib.star', 'x')\ny = x + ' ' + str(now().hour)\ndef call(f): return f()",
		"lib.star", "x = 'std'")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, out := newHost()
			h.Modules = map[string]*Module{"std": {Label: "@std", Files: std}}
			if err := runFile(h, filepath.Join(tree(t, tt.files...), "main.star")); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.printed {
				t.Errorf("printed %q, want %q", out, tt.printed)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	tests := []struct{ name, main, lib, want string }{
		{"ErrEffect", "load('lib.star', 'x')", "x = touch()", "lib.star:1:10: touch has an effect, and "},
		{"ErrImpure", "load('@std//impure.star', 'x')", "", "@std//impure.star:1:14: undefined: touch"},
		{"ErrNotFound", "load('nope.star', 'x')", "", "nope.star: " + syscall.ENOENT.Error()},
		{"ErrNotInLibrary", "load('@std//nope.star', 'x')", "", "open @std//nope.star: file does not exist"},
		{"ErrNearInLibrary", "load('@std//impur.star', 'x')", "", "open @std//impur.star: file does not exist: did you mean impure.star?"},
		{"ErrNear", "load('lbi.star', 'x')", "x = 1", "lbi.star: " + syscall.ENOENT.Error() + ": did you mean lib.star?"},
		{"ErrLibrary", "load('@sdt//x.star', 'x')", "", "no module @sdt, only @other, @std"},
		{"ErrNoPath", "load('@std', 'x')", "", "@std: a file of a module is written @name//path"},
		{"ErrEscape", "load('@std//../x.star', 'x')", "", "@std//../x.star: outside of @std"},
		{"ErrEscapeRelative", "load('@std//up.star', 'x')", "", "../lib.star: outside of @std"},
		{"ErrName", "load('lib.star', 'y')", "x = 1", "name y not found in module lib.star"},
		{"ErrFails", "load('lib.star', 'x')", "x = 1 // 0", "lib.star:1:7: floored division by zero"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := tree(t, "main.star", tt.main, "lib.star", tt.lib)
			h, _ := newHost()
			h.Modules = map[string]*Module{
				"std":   {Label: "@std", Files: libraryFS("impure.star", "def x(): x = touch()", "up.star", "load('../lib.star', 'x')")},
				"other": {Label: "@other", Files: libraryFS()},
			}
			wantError(t, runFile(h, filepath.Join(dir, "main.star")), tt.want)
		})
	}
}

// A file outside of the script's folder gets the pure names, however it is
// reached, and so does what it loads.
func TestLoadFromElsewhere(t *testing.T) {
	dir := tree(t,
		"own/effect.star", "def go(): return touch()",
		"own/deep/effect.star", "def go(): return touch()",
		"effect.star", "def go(): return touch()",
		"given.star", "def go(f): return f()",
		"back.star", "load('own/effect.star', 'go')\nagain = go")
	if err := os.Symlink(filepath.Join(dir, "effect.star"), filepath.Join(dir, "own", "linked.star")); err != nil {
		t.Skip(err)
	}
	const refused = "effect.star:1:18: undefined: touch in a file outside of the script's folder"
	for _, tt := range []struct{ name, main, want string }{
		{"Beside", "load('effect.star', 'go')\ndef main(): print(go())", ""},
		{"Below", "load('deep/effect.star', 'go')\ndef main(): print(go())", ""},
		{"Given", "load('../given.star', 'go')\ndef main(): print(go(touch))", ""},
		{"ErrUp", "load('../effect.star', 'go')\ndef main(): print(go())", refused},
		{"ErrAbsolute", "load('" + filepath.ToSlash(dir) + "/effect.star', 'go')\ndef main(): print(go())", refused},
		{"ErrLinked", "load('linked.star', 'go')\ndef main(): print(go())", refused},
		{"ErrBack", "load('effect.star', 'go')\nload('../back.star', 'again')\ndef main(): print(again())", filepath.Join("own", refused)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			main := filepath.Join(dir, "own", "main.star")
			if err := os.WriteFile(main, []byte(tt.main), 0o666); err != nil {
				t.Fatal(err)
			}
			h, out := newHost()
			err := runFile(h, main)
			if tt.want != "" {
				wantError(t, err, tt.want)
			} else if err != nil || out.String() != "touched\n" {
				t.Errorf("error %v, printed %q", err, out)
			}
		})
	}
}

func TestLoadCycle(t *testing.T) {
	dir := tree(t,
		"main.star", "load('a.star', 'x')",
		"a.star", "load('sub/b.star', 'x')",
		"sub/b.star", "load('../a.star', 'x')",
		"self.star", "load('self.star', 'x')")
	for name, chain := range map[string]string{
		"main.star": "a.star -> sub/b.star -> a.star",
		"self.star": "self.star -> self.star",
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := newHost()
			err := runFile(h, filepath.Join(dir, name))
			if err == nil {
				t.Fatal("no error")
			}
			if got := below(dir, err.Error()); !strings.Contains(got, "files load each other: "+chain) {
				t.Errorf("error %q does not name the chain %q", got, chain)
			}
		})
	}
}

// A directory that links to itself gives one file endless names. And a script
// that is linked to loads what lies beside the real one.
func TestLoadThroughSymlinks(t *testing.T) {
	dir := tree(t,
		"main.star", "load('loop/loop/lib.star', 'x')\nload('lib.star', y = 'x')\nprint(x, y)",
		"lib.star", "print('loaded')\nx = 1")
	linked := filepath.Join(t.TempDir(), "linked.star")
	for name, target := range map[string]string{filepath.Join(dir, "loop"): ".", linked: filepath.Join(dir, "main.star")} {
		if err := os.Symlink(target, name); err != nil {
			t.Skip(err)
		}
	}
	for _, name := range []string{filepath.Join(dir, "main.star"), linked} {
		h, out := newHost()
		if err := runFile(h, name); err != nil {
			t.Fatal(err)
		}
		if out.String() != "loaded\n1 1\n" {
			t.Errorf("%s printed %q", name, out)
		}
	}
}

func TestLoadScriptFromLibrary(t *testing.T) {
	h, out := newHost()
	h.Modules = map[string]*Module{"std": {Label: "@std", Files: libraryFS(
		"backup.star", "load('lib.star', 'x')\ndef main(): print(x, touch())",
		"lib.star", "x = 1")}}
	if err := runFile(h, "@std//backup.star"); err != nil {
		t.Fatal(err)
	}
	if out.String() != "1 touched\n" {
		t.Errorf("printed %q", out)
	}
	_, err := h.Load(t.Context(), "nope.star")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
}
