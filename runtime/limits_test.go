package runtime

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFirstTooDeep(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, src string
		ok        bool
	}{
		{"Operators", "x = " + strings.Repeat("1+", 5000) + "1", false},
		{"Brackets", "x = " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), false},
		{"Calls", "x = f" + strings.Repeat("()", 5000), false},
		{"Attributes", "x = f" + strings.Repeat(".a", 5000), false},
		{"Words", "x = " + strings.Repeat("not ", 5000) + "1", false},
		{"Branches", "if 1:\n  pass\n" + strings.Repeat("elif 1:\n  pass\n", 5000), false},
		{"Both", "x = " + strings.Repeat("1+(", 600) + "1" + strings.Repeat(")", 600), false},
		{"InBrackets", "x = [" + strings.Repeat("1\n+", 5000) + "1]", false},
		{"List", "x = [" + strings.Repeat("1 + 2,\n", 5000) + "]", true},
		{"Lines", strings.Repeat("x = 1 + 2\n", 5000), true},
		{"String", `x = "` + strings.Repeat("1+([", 5000) + `"`, true},
		{"LongString", `"""` + strings.Repeat("1+([\n", 5000) + `"""`, true},
		{"Escapes", `x = "\"` + strings.Repeat("+", 5000) + `"`, true},
		{"Comment", "# " + strings.Repeat("1+([", 5000) + "\nx = 1", true},
		{"Unended", `x = "`, true},
	} {
		if _, ok := firstTooDeep("test.star", test.src); ok != test.ok {
			t.Errorf("%s: all is well: %v, want %v", test.name, ok, test.ok)
		}
	}
	h, _ := newHost()
	_, err := runSource(h, "y = 1\nx = "+strings.Repeat("1+", 5000)+"1")
	wantError(t, err, "test.star:2:2004: too deep: more than 1000 levels lie in each other")
}

// Values that lie too deep in each other are refused before something works on
// them that would end the process.
func TestTooDeep(t *testing.T) {
	t.Parallel()
	const deep = "x = []\nfor _ in range(2000):\n    x = [x]\n"
	for _, test := range []struct{ src, want string }{
		{deep + "def main():\n    pass", "test.star:4:5: global x: more than 1000 levels"},
		{deep + "print(x)", "print: more than 1000 levels"},
		{deep + "fail(x)", "fail: more than 1000 levels"},
		{deep + "str({1: struct(a = (x,))})", "str: more than 1000 levels"},
		{"list(range(10000000000))", "list: 10,000,000,000 elements are too many at once"},
		{"def main():\n    " + strings.ReplaceAll(deep, "\n", "\n    ") + "return x", "more than 1000 levels"},
	} {
		h, _ := newHost()
		_, err := runSource(h, test.src)
		wantError(t, err, test.want)
	}
	h, out := newHost()
	if _, err := runSource(h, "x = (1,)\nfor _ in range(60):\n    x = (x, x)\ny = []\ny.append(y)\nprint(len(x), y)"); err != nil || out.String() != "2 [[...]]\n" {
		t.Errorf("printed %s, %v", out, err) // in no time, although 2⁶⁰ paths lead down
	}
}

func TestLimitTime(t *testing.T) {
	t.Parallel()
	h, _ := newHost()
	h.Limits.Time = 30 * time.Millisecond
	_, err := runSource(h, "def main():\n    while True:\n        pass")
	if !errors.Is(err, ErrMaxTime) {
		t.Errorf("error %v, want ErrMaxTime", err)
	}
	_, err = runSource(h, "while True:\n    pass")
	if !errors.Is(err, ErrMaxTime) {
		t.Errorf("without a main: error %v, want ErrMaxTime", err)
	}
}

// Within one step nothing can stop a script, and the host is told.
func TestExhausted(t *testing.T) {
	t.Parallel()
	told := make(chan error, 1)
	s := newSession(&Host{Limits: Limits{Time: time.Millisecond}, Exhausted: func(err error) {
		select {
		case told <- err:
		default:
		}
	}})
	r := s.begin(context.Background()) // and never looks whether it was told to end
	defer r.end()
	if err := <-told; !errors.Is(err, ErrMaxTime) {
		t.Errorf("told %v, want ErrMaxTime", err)
	}
}

// A script that loads a stranger's module has the limits for strangers, and one
// that loads from its own folder or a library has its own.
func TestStrangers(t *testing.T) {
	t.Parallel()
	const loop = "def f():\n    for _ in range(100000):\n        pass\n"
	dir := tree(t, "lib.star", loop, "own/lib.star", loop,
		"own/a.star", "load('lib.star', 'f')\nf()", "own/b.star", "load('@lib//lib.star', 'f')\nf()",
		"own/c.star", "load('../lib.star', 'f')\nf()", "own/d.star", "load('../lib.star', 'f')\ndef main():\n    f()",
		"own/e.star", "load('@far//lib.star', 'f')\nf()", "project/own/f.star", "load('//lib.star', 'f')\nf()", "project/lib.star", loop)
	const elsewhere = "outside of the script's folder, and a sandbox loads nothing from there"
	for _, tt := range []struct {
		script    string
		limited   bool
		inSandbox string
	}{
		{"own/a.star", false, ""}, {"own/b.star", false, ""}, {"own/c.star", true, elsewhere}, {"own/d.star", true, elsewhere},
		{"own/e.star", true, ErrMaxSteps.Error()}, {"project/own/f.star", false, elsewhere},
		{"@far//run.star", true, ErrMaxSteps.Error()}, {"@lib//run.star", false, ""},
	} {
		h, _ := newHost()
		h.Modules = map[string]*Module{
			"lib": {Label: "@lib", Files: libraryFS("lib.star", loop, "run.star", loop+"f()\n")},
			"far": {Label: "@far", Files: libraryFS("lib.star", loop, "run.star", loop+"f()\n"), Origin: "git https://example.org/far v1.0.0"},
		}
		h.Root = filepath.Join(dir, "project")
		h.Strangers.Steps = 1000
		name := tt.script
		if name[0] != '@' {
			name = filepath.Join(dir, name)
		}
		if err := runFile(h, name); errors.Is(err, ErrMaxSteps) != tt.limited {
			t.Errorf("%s: error %v, want limits %v", tt.script, err, tt.limited)
		}
		h.Sandbox = true
		if err := runFile(h, name); tt.inSandbox != "" {
			wantError(t, err, tt.inSandbox)
		} else if err != nil {
			t.Errorf("%s: in a sandbox: %v", tt.script, err)
		}
	}
}

// A cancelled context stops a script that is being loaded.
func TestCancelLoad(t *testing.T) {
	t.Parallel()
	dir := tree(t, "lib.star", "while True:\n    pass\n", "a.star", "load('lib.star', 'f')\ndef main():\n    pass\n")
	ctx, cancel := context.WithCancel(context.Background())
	h, _ := newHost()
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := h.Load(ctx, dir+"/a.star"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
