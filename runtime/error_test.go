package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"go.starlark.net/starlark"
)

func TestErrorDetail(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"Syntax", "x = 1\ny = (2", `
test.star:2:7: got end of file, want ')'
    y = (2
          ^`},
		{"Undefined", "def main():\n\tx = fooo + bar\n", `
test.star:2:6: undefined: fooo
    	x = fooo + bar
    	    ^
test.star:2:13: undefined: bar
    	x = fooo + bar
    	           ^`},
		{"RunesNotBytes", "x = \"äöü\" + 1", `
test.star:1:11: unknown binary op: string + int
    x = "äöü" + 1
              ^`},
		{"CarriageReturns", "x = 1\r\ny = 2\rz = 1 // 0\r\n", `
test.star:3:7: floored division by zero
    z = 1 // 0
          ^`},
		{"NotUTF8", "x = 1\ny = 'ä\xff'", `
test.star:2:7: not UTF-8: save the file in that encoding
    y = 'ä` + "\ufffd" + `'
          ^`},
		{"Traceback", "def f(x):\n    return 1 // x\n\ndef main():\n    f(1)\n    f(0)\n", `
test.star:2:14: floored division by zero
        return 1 // x
                 ^
traceback, innermost last:
  test.star:6:6: in main
    f(0)
  test.star:2:14: in f`},
		{"ThroughBuiltin", "def f(x):\n    fail('no', x)\n\ndef main():\n    sorted([1, 2], key = f)\n", `
test.star:2:9: fail: no 1
        fail('no', x)
            ^
traceback, innermost last:
  test.star:5:11: in main
    sorted([1, 2], key = f)
  in sorted
  test.star:2:9: in f`},
		{"BuiltinTopLevel", "broken()", `
test.star:1:7: no space left in /mnt/b
    broken()
          ^`},
		{"ModuleFails", "load('@std//fail.star', 'x')", `
@std//fail.star:2:5: fail: sorry
    fail('sorry')
        ^
traceback, innermost last:
  test.star:1:1: at the top level
    load('@std//fail.star', 'x')
  @std//fail.star:2:5: at the top level`},
		{"ModuleDoesNotCompile", "\nload('@std//bad.star', 'x')", `
@std//bad.star:1:5: unexpected ')'
    x = )
        ^
traceback, innermost last:
  test.star:2:1: at the top level
    load('@std//bad.star', 'x')`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := newHost()
			h.Modules = map[string]*Module{"std": {Label: "@std", Files: libraryFS("fail.star", "\nfail('sorry')", "bad.star", "x = )\n")}}
			_, err := runSource(h, tt.src)
			if got, want := detail(t, err), strings.TrimPrefix(tt.want, "\n"); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestErrorKinds(t *testing.T) {
	tests := []struct {
		name, src string
		compile   bool
	}{
		{"Syntax", "x = (", true},
		{"Resolve", "foo()", true},
		{"ModuleSyntax", "load('@std//bad.star', 'x')", true},
		{"NotUTF8", "'\xff'", true},
		{"MainNoFunction", "main = 1", true},
		{"Fail", "fail('no')", false},
		{"Builtin", "broken()", false},
		{"NoSuchModule", "load('@std//nope.star', 'x')", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := newHost()
			h.Modules = map[string]*Module{"std": {Label: "@std", Files: libraryFS("bad.star", "x = (")}}
			_, err := runSource(h, tt.src)
			var e *Error
			if !errors.As(err, &e) || e.Compile != tt.compile {
				t.Fatalf("error %v, want an *Error with Compile=%v", err, tt.compile)
			}
			if len(e.Problems) == 0 {
				t.Error("no problem given")
			}
		})
	}
}

// A script that has to be mended is told from one that could not do its work.
func TestErrorFault(t *testing.T) {
	tests := []struct {
		name, src string
		fault     bool
	}{
		{"Compile", "foo()", true},
		{"Operation", "1 // 0", true},
		{"Attribute", "'x'.nope", true},
		{"Keyword", "touch(nope = 1)\nneeds(nope = 1)", true},
		{"Universe", "int('x')", true},
		{"EffectTooSoon", "x = touch()\ndef main(): pass", true},
		{"EffectTooSoonBelow", "load('@std//touches.star', 'x')", true},
		{"EffectInCallback", "each(lambda: touch())", true},
		{"NoSuchModule", "load('@std//nope.star', 'x')", true},
		{"NoSuchName", "load('@std//fine.star', 'nope')", true},
		{"InCallback", "each(lambda: 1 // 0)", true},
		{"Usage", "def main(): usage('which one?')", true},
		{"Builtin", "broken()", false},
		{"BuiltinInCallback", "each(broken)", false},
		{"BuiltinInModule", "load('@std//hands.star', 'call')\ndef main(): call(broken)", false},
		{"Fail", "fail('no')", false},
		{"FailInModule", "load('@std//fail.star', 'x')", false},
		{"Stream", "[x for x in count(3, fail = 1)]", false},
	}
	needs := Builtin{Name: "needs", Func: func(_ *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return starlark.None, Unpack(fn.Name(), args, kwargs)
	}}
	each := Builtin{Name: "each", Func: func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		c := NewCallback(thread, args[0].(starlark.Callable))
		defer c.Close()
		if _, err := c.Call(); err != nil {
			return nil, fmt.Errorf("each: %w", err)
		}
		return starlark.None, nil
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := newHost(needs, each, count)
			h.Modules = map[string]*Module{"std": {Label: "@std", Files: libraryFS(
				"touches.star", "x = touches()", "fine.star", "x = 1",
				"hands.star", "def call(f): f()", "fail.star", "fail('no')")}}
			_, err := runSource(h, tt.src)
			var e *Error
			if !errors.As(err, &e) || e.Fault != tt.fault {
				t.Fatalf("error %v, want an *Error with Fault=%v", err, tt.fault)
			}
		})
	}
}

func TestErrorChain(t *testing.T) {
	h, _ := newHost()
	_, err := runSource(h, "def main(): broken()")
	if !errors.Is(err, errDisk) {
		t.Errorf("%v hides the error of the builtin", err)
	}
	_, err = runSource(h, "load('nope.star', 'x')")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v hides the error of the file system", err)
	}
	_, err = runSource(h, "a\nb\nc")
	wantError(t, err, "test.star:1:1: undefined: a (and 2 more)")
}
