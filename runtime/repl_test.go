package runtime

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.starlark.net/starlark"
)

// dialogue is a REPL in a test.
type dialogue struct {
	*REPL
	testing.TB
	line  int
	shown string // the last value
}

func newDialogue(t testing.TB, extra ...Builtin) *dialogue {
	h, _ := newHost(extra...)
	return &dialogue{REPL: h.NewREPL("repl"), TB: t, line: 1}
}

// try evaluates all chunks of a text, and returns what is shown of the last.
func (d *dialogue) try(ctx context.Context, text string) (string, error) {
	d.shown = ""
	for text != "" {
		n := Chunk(text)
		if n == 0 {
			n = len(text)
		}
		chunk := text[:n]
		text = text[n:]
		at := d.line
		d.line += max(1, strings.Count(chunk, "\n"))
		err := d.Eval(ctx, at, chunk, func(v starlark.Value) error {
			d.shown = v.String()
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return d.shown, nil
}

func (d *dialogue) want(text, want string) {
	d.Helper()
	got, err := d.try(context.Background(), text)
	if err != nil {
		d.Errorf("%s: %v", text, err)
	} else if got != want {
		d.Errorf("%s: %s, want %s", text, got, want)
	}
}

func (d *dialogue) fails(text, want string) error {
	d.Helper()
	_, err := d.try(context.Background(), text)
	if err == nil || !strings.Contains(err.Error(), want) {
		d.Errorf("%s: error %v, want %q", text, err, want)
	}
	return err
}

func TestREPL(t *testing.T) {
	d := newDialogue(t)
	d.want("1 + 1", "2")
	d.want("_ * 3", "6")
	d.want("None", "")
	d.want("_", "6")
	d.want("x = _; x + 1", "7")
	d.want("x += 1\nx", "7")
	d.want("x, (y, [z]) = x * 2, (1, [2])\n(x, y, z)", "(14, 1, 2)")
	d.want("(x) = 3\nx", "3")
	d.want("'''doc'''", `"doc"`)
	d.want("def f():\n  return x\n\nf()", "3")
	d.want("x = 4\nf()", "4")
	d.want("for x in range(9):\n  if x == 5: break\n\nf()", "5")
	d.want("total = 0\ndef add(n): return total + n\nfor i in range(5): total = add(i)\ntotal", "10")
	d.fails("def f(): return g()\n", "undefined: g")
}

func TestREPLRedefinition(t *testing.T) {
	d := newDialogue(t)
	d.want("def g(): return 1\ndef f(): return g()\nf()", "1")
	d.want("def g(): return 2\nf()", "2")
	d.want("touch = 5\ntouch", "5") // a builtin may be hidden, here only
	d.want("list = [1]\nlist.append(2)\nlist", "[1, 2]")
	d.want("[x for x in list]", "[1, 2]")
	d.fails("x", "undefined: x")
}

func TestREPLErrors(t *testing.T) {
	d := newDialogue(t)
	d.want("a = 1\nb = 2", "")
	err := d.fails("nonsens", "repl:3:1: undefined: nonsens")
	if got, want := detail(t, err), "repl:3:1: undefined: nonsens\n    nonsens\n    ^"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	d.want("def div(n):\n  return 1 // n\n", "")
	err = d.fails("a = 5; div(0)", "repl:5:12: floored division by zero")
	if got := detail(t, err); !strings.Contains(got, "    return 1 // n") || !strings.Contains(got, "a = 5; div(0)") {
		t.Error(got)
	}
	d.want("a", "5") // what was assigned by then stays
	d.fails("new = new + 1", "undefined: new")
	d.fails("x = = 1", "repl:9:5: got '='")
	d.fails("\"\xff\"", "not UTF-8")
	if err := d.fails("broken()", errDisk.Error()); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	err = d.Eval(t.Context(), 20, "1", func(starlark.Value) error { return errDisk })
	if !errors.Is(err, errDisk) {
		t.Error(err)
	}
}

func TestREPLCancel(t *testing.T) {
	started := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	d := newDialogue(t, Builtin{Name: "started", Func: func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		close(started)
		return starlark.None, nil
	}})
	go func() {
		<-started
		cancel()
	}()
	_, err := d.try(ctx, "n = 0\nwhile True:\n  n += 1\n  if n == 3: started()\n")
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	d.want("n >= 3", "True") // and the session goes on
	d.want("def f(): return 7\nf()", "7")
}

func TestREPLLimit(t *testing.T) {
	h, _ := newHost()
	h.Limits.Steps = 10_000
	d := &dialogue{REPL: h.NewREPL("repl"), TB: t, line: 1}
	for range 3 { // each statement has all of it
		d.want("for i in range(100): pass\n", "")
	}
	if err := d.fails("while True: pass\n", "too many steps"); !errors.Is(err, ErrMaxSteps) {
		t.Error(err)
	}
	d.want("1", "1")
}

func TestREPLModules(t *testing.T) {
	dir := tree(t, "lib.star", "x = 1\ndef loop():\n  while True: pass\n", "effect.star", "touch()\n",
		"main.star", "def main(): return helper()\ndef helper(): return later\nlater = touch()\n")
	h, _ := newHost()
	h.Limits.Steps = 10_000
	d := &dialogue{REPL: h.NewREPL(dir + "/repl"), TB: t, line: 1}
	d.want("load('lib.star', 'x', 'loop')\nx", "1")
	d.fails("loop()", "too many steps")
	if err := os.WriteFile(dir+"/lib.star", []byte("x = 2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	d.want("load('lib.star', 'x')\nx", "2")
	d.fails("load('effect.star', 'y')", "touch has an effect")
	if err := d.Load(t.Context(), "main.star"); err != nil {
		t.Fatal(err)
	}
	d.want("main()", `"touched"`)
	if err := d.Load(t.Context(), "none.star"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestREPLConfirm(t *testing.T) {
	h, _ := newHost()
	var asked []string
	refused := errors.New("not now")
	h.Confirm = func(_ context.Context, call string) error {
		asked = append(asked, call)
		if len(asked) > 1 {
			return refused
		}
		return nil
	}
	d := &dialogue{REPL: h.NewREPL("repl"), TB: t, line: 1}
	d.want("touch('a', )", `"touched"`)
	if err := d.fails("touch(x = ['"+strings.Repeat("ä", 100)+"'])", "not now"); !errors.Is(err, refused) {
		t.Error(err)
	}
	want := `touch("a") touch(x=["` + strings.Repeat("ä", 57) + `…)`
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestREPLStream reads a Stream in a later statement, which ends it when it is
// cancelled.
func TestREPLStream(t *testing.T) {
	d := newDialogue(t, Builtin{Name: "count", Func: func(thread *starlark.Thread, _ *starlark.Builtin, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return NewStream(thread, "Numbers", func(yield func(starlark.Value, error) bool) {
			for i := range 3 {
				if !yield(starlark.MakeInt(i), nil) {
					return
				}
			}
			yield(nil, errDisk)
		}), nil
	}})
	d.want("s = count()\nseen = []", "")
	if err := d.fails("for i in s: seen.append(i)\n", errDisk.Error()); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	d.want("seen", "[0, 1, 2]")
	d.want("1", "1")
}

// TestREPLCallback calls a function in parallel that reads a list of an earlier
// statement: the list must not change any more.
func TestREPLCallback(t *testing.T) {
	d := newDialogue(t, Builtin{Name: "parallel", Func: func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		c := NewCallback(thread, args[0].(starlark.Callable))
		defer c.Close()
		errs := make(chan error)
		for range 4 {
			go func() {
				_, err := c.Call(starlark.MakeInt(1))
				errs <- err
			}()
		}
		var first error
		for range 4 {
			if err := <-errs; err != nil {
				first = err
			}
		}
		return starlark.None, first
	}})
	d.want("seen = []\ndef see(x): seen.append(x)\n", "")
	d.fails("parallel(see)", "frozen list")
	d.want("other = []", "")
	d.fails("parallel(lambda x: other.append(x))", "frozen list")
	d.want("parallel(lambda x: [x].append(x))\nmine = []\nmine.append(1)\nmine", "[1]")
}

func TestREPLCallLast(t *testing.T) {
	d := newDialogue(t)
	shown := ""
	err := d.Call(t.Context(), d.host.Names["touch"].(starlark.Callable), nil, func(v starlark.Value) error {
		shown = v.String()
		return nil
	})
	if err != nil || shown != `"touched"` {
		t.Error(shown, err)
	}
	d.want("_", `"touched"`)
}

func TestREPLNow(t *testing.T) {
	d := newDialogue(t)
	d.want("began = now()\ndef age(): return now() - began\nage()", "0s")
	d.SetNow(noon.Add(time.Hour))
	d.want("age()", "1h0m0s")
	d.want("time.now() - began", "1h0m0s")
	d.want("def now(): return 7\nnow()", "7")
	d.SetNow(noon.Add(2 * time.Hour))
	d.want("now()", "7")
	d.want("time.now() - began", "2h0m0s")
}
