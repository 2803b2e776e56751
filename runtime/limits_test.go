package runtime

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.starlark.net/starlark"
)

func TestFirstExcess(t *testing.T) {
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
		{"Digits", "x = " + strings.Repeat("9", maxDigits+1), false},
		{"LongNumber", "x = " + strings.Repeat("9", maxDigits), true},
		{"LongName", strings.Repeat("x", maxDigits+1) + " = 1", true},
	} {
		if _, err := firstExcess("test.star", test.src); (err == nil) != test.ok {
			t.Errorf("%s: error %v, want none: %v", test.name, err, test.ok)
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

// The code of a stranger's module has the limits for strangers, and what lies in the
// script's own folder or comes with the program has those of the script.
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

// What a module computes is charged to the module, and what the script computes
// with its values is not, whichever calls the other.
func TestAccounts(t *testing.T) {
	t.Parallel()
	lib := &Module{Label: "@far", Origin: "x", Files: libraryFS("lib.star", `
def spin(n):
    for _ in range(n):
        pass

def apply(f, n):
    for _ in range(n):
        f()
`), Limits: Limits{Time: time.Hour}}
	const load = "load('@far//lib.star', 'spin', 'apply')\ndef busy():\n    for _ in range(100000):\n        pass\ndef main():\n    "
	for _, tt := range []struct {
		name, main string
		own        uint64 // steps; 0: any number
		far        uint64 // instead of 10,000
		want       string
	}{
		{"Own", "busy()", 0, 0, ""},
		{"OwnAndTheirs", "busy()\n    spin(100)\n    busy()", 0, 0, ""},
		{"Theirs", "spin(100000)", 0, 0, "stopped after 10000 in @far; --limit-steps allows more"},
		{"TheirsInLoop", "for _ in range(20000):\n        spin(1)", 0, 0, "stopped after 10000 in @far"},
		{"TheirsAllowed", "spin(100000)", 0, 10000000, ""},
		{"OwnThroughTheirs", "apply(busy, 2)", 0, 0, ""},
		{"OwnLimited", "busy()", 1000, 0, "stopped after 1000; --limit-steps allows more"},
		{"OwnLimitedTheirsNot", "spin(1000)", 1000, 0, ""},
		{"Callback", "parallel(lambda: spin(5000))", 0, 0, "stopped after 10000 in @far"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			far := *lib
			far.Limits.Steps = tt.far
			h, _ := newHost(parallelCalls)
			h.Modules = map[string]*Module{"far": &far}
			h.Limits.Steps, h.Strangers.Steps = tt.own, 10000
			err := runFile(h, filepath.Join(tree(t, "main.star", load+tt.main), "main.star"))
			if tt.want != "" {
				wantError(t, err, tt.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// parallelCalls calls a function from four goroutines at once.
var parallelCalls = Builtin{Name: "parallel", Signature: "parallel(f)", Func: func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	c := NewCallback(thread, args[0].(starlark.Callable))
	defer c.Close()
	var group errgroup
	for range 4 {
		group.do(func() error {
			_, err := c.Call()
			return err
		})
	}
	return starlark.None, group.wait()
}}

// errgroup runs functions at once, and keeps the first error.
type errgroup struct {
	sync.WaitGroup
	once sync.Once
	err  error
}

func (g *errgroup) do(f func() error) {
	g.Go(func() {
		if err := f(); err != nil {
			g.once.Do(func() { g.err = err })
		}
	})
}

func (g *errgroup) wait() error {
	g.Wait()
	return g.err
}

// The memory of a module is what the process grows by while its code is at work:
// neither what the script holds already, nor what it takes afterwards.
func TestAccountMemory(t *testing.T) {
	const lib = "def grow(n):\n    x = []\n    for i in range(n):\n        x.append('%d' % i)\n    return len(x)\n"
	const held = "load('@far//lib.star', 'grow')\ndef main():\n    x = ['%d' % i for i in range(300000)]\n    "
	for _, tt := range []struct{ main, want string }{
		{"grow(1000)\n    return len(x + x)", ""},
		{"for _ in range(3):\n        grow(30000)", ""},
		{"grow(10000000)", "the script needs too much memory: stopped at 16 MiB in @far; --limit-memory allows more"},
	} {
		h, _ := newHost()
		h.Modules = map[string]*Module{"far": {Label: "@far", Origin: "x", Files: libraryFS("lib.star", lib), Limits: Limits{Memory: 16 << 20}}}
		err := runFile(h, filepath.Join(tree(t, "main.star", held+tt.main), "main.star"))
		if tt.want != "" {
			wantError(t, err, tt.want)
		} else if err != nil {
			t.Errorf("%s: %v", tt.main, err)
		}
	}
}

// A script that is in one step which does not end is given up, with the line where it
// was seen last: by its limits, and by who waits for it.
func TestLastSeen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, call string
		cancel     bool
		want       string
	}{
		{"Limit", "stuck()", false, "test.star:3:5: the script computes for too long: stopped after 10ms; --limit-time allows more; it was seen here last, in a step that nothing can stop"},
		{"Cancel", "stuck()", true, "test.star:3:5: context canceled"},
		{"InSort", "sorted([1, 2], key = lambda x: stuck())", false, "test.star:3:36: the script computes"},
		{"InArgument", "list(stuck)", false, "test.star:3:9: the script computes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			told, release := make(chan error, 1), make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			h, _ := newHost()
			if !tt.cancel {
				h.Limits.Time = 10 * time.Millisecond
			}
			h.Exhausted = func(err error) {
				select {
				case told <- err:
					close(release)
				default:
				}
			}
			h.Names["stuck"] = stuck{starlark.NewBuiltin("stuck", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
				if tt.cancel {
					cancel()
				}
				<-release
				return starlark.None, nil
			}), release}
			s, err := h.LoadSource(ctx, "test.star", []byte("def main():\n    x = 1\n    "+tt.call+"\n    while True:\n        pass\n"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Run(ctx, nil); err == nil {
				t.Error("the script came to its end")
			}
			wantError(t, <-told, tt.want)
		})
	}
}

// stuck is a function, and a sequence, that takes until it is released.
type stuck struct {
	*starlark.Builtin
	release chan struct{}
}

func (s stuck) Iterate() starlark.Iterator {
	<-s.release
	return starlark.Tuple{}.Iterate()
}

// What JSON is made of counts as what the script computes.
func TestJSONComputes(t *testing.T) {
	t.Parallel()
	h, _ := newHost()
	computing := int32(-1)
	var s *Script
	h.Names["x"] = spy{starlark.None, func() { computing = s.run.Load().computing.Load() }}
	s, err := h.LoadSource(t.Context(), "test.star", []byte("json.encode(x)"))
	if err == nil {
		_, err = s.Run(t.Context(), nil)
	}
	if err != nil || computing != 1 {
		t.Errorf("%d threads compute, want 1 (%v)", computing, err)
	}
}

// spy calls a function when it is iterated over.
type spy struct {
	starlark.Value
	look func()
}

func (s spy) Iterate() starlark.Iterator {
	s.look()
	return starlark.Tuple{}.Iterate()
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

// To compile a script counts as what it computes.
func TestLimitCompile(t *testing.T) {
	t.Parallel()
	h, _ := newHost()
	h.Limits.Time = time.Nanosecond
	_, err := h.LoadSource(t.Context(), "test.star", []byte("x = 1\n"+strings.Repeat("x = x + 1\n", 50000)))
	if !errors.Is(err, ErrMaxTime) {
		t.Errorf("error %v, want ErrMaxTime", err)
	}
	wantError(t, err, "test.star:1:1: the script computes for too long")
}

// A cancelled context stops to wait for a file from a slow place.
func TestCancelRead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"@slow//x.star", "main.star"} {
		h, _ := newHost()
		slow := &slowFS{asked: make(chan struct{}), release: make(chan struct{})}
		defer close(slow.release)
		h.Modules = map[string]*Module{"slow": {Label: "@slow", Files: slow}}
		if name == "main.star" {
			name = filepath.Join(tree(t, name, "load('@slow//x.star', 'x')\ndef main():\n    pass\n"), name)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-slow.asked
			cancel()
		}()
		if _, err := h.Load(ctx, name); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want context.Canceled", name, err)
		}
		if _, err := h.Audit(ctx, name); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: an audit's error is %v, want context.Canceled", name, err)
		}
	}
}

// slowFS has a file that nobody gets to read.
type slowFS struct {
	asked, release chan struct{}
	once           sync.Once
}

func (s *slowFS) Open(name string) (fs.File, error) {
	s.once.Do(func() { close(s.asked) })
	<-s.release
	return nil, fs.ErrNotExist
}
