package runtime

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.starlark.net/starlark"
)

// each calls f(i) for 100 numbers on four goroutines, as an engine would, and
// counts how many of the results are true.
var each = Builtin{Name: "each", Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var f starlark.Callable
	if err := starlark.UnpackArgs(fn.Name(), args, kwargs, "f", &f); err != nil {
		return nil, err
	}
	c := NewCallback(thread, f)
	defer c.Close()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	hits := 0
	for g := range 4 {
		wg.Go(func() {
			for i := range 25 {
				v, err := c.Call(starlark.MakeInt(g*25 + i))
				mu.Lock()
				switch {
				case err != nil && first == nil:
					first = fmt.Errorf("walk: %w", err)
				case err == nil && bool(v.Truth()):
					hits++
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return starlark.MakeInt(hits), first
}}

// These are meant for the race detector.
func TestCallback(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"Lambda", "print(each(lambda x: x < 10))", "10\n"},
		{"Closure", "def main():\n  few = [1, 2]\n  print(each(lambda x: x in few))", "2\n"},
		{"GlobalNoMain", "few = [1, 2]\ndef f(x): return x in few\nprint(each(f))", "2\n"},
		{"GlobalThroughFunction", "few = {1: 2}\ndef g(x): return x in few\ndef f(x): return g(x)\nprint(each(f))", "1\n"},
		{"GlobalThroughModule", "load('lib.star', 'both')\nfew = {1: 2}\ndef f(x): return x in few\nprint(each(both(f)))", "1\n"},
		{"OtherGlobalsStayMutable", "seen = []\nseen.append(each(lambda x: x == 1))\nseen.append(2)\nprint(seen)", "[1, 2]\n"},
		{"Rebound", "n = 5\nwhile n < 7:\n  print(each(lambda x: x < n))\n  n += 1", "5\n6\n"},
		{"Builtin", "print(each(bool))", "99\n"},
		{"Varargs", "print(each(lambda *x: x[0] < 3))", "3\n"},
		{"Nested", "print(each(lambda x: sorted([3, x, 1], key = lambda y: -y)[0] == 3))", "4\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := tree(t, "test.star", tt.src, "lib.star", "def both(f): return lambda x: f(x) and True")
			h, out := newHost(each)
			if err := runFile(h, filepath.Join(dir, "test.star")); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want {
				t.Errorf("printed %q, want %q", out, tt.want)
			}
		})
	}
}

func TestCallbackErrors(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"ErrMutatesGlobal", "seen = []\ndef f(x): seen.append(x)\neach(f)", "append: cannot append to frozen list"},
		{"ErrMutatesCaptured", "def main():\n  seen = {}\n  def f(x): seen[x] = 1\n  each(f)", "cannot insert into frozen hash table"},
		{"ErrMutatesDefault", "def f(x, seen = []): seen.append(x)\neach(f)", "cannot append to frozen list"},
		{"ErrEffect", "def main(): each(lambda x: touch())", "touch has an effect, and callbacks run in parallel"},
		{"ErrSignature", "each(lambda: True)", "walk: function lambda accepts no arguments (1 given)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := newHost(each)
			_, err := runSource(h, tt.src)
			wantError(t, err, tt.want)
		})
	}
}

// The error shows where the callback failed and how it came to be called.
func TestCallbackBacktrace(t *testing.T) {
	h, _ := newHost(each)
	_, err := runSource(h, `
def wanted(x):
    return 1 // (x - x)

def main():
    each(wanted)
`)
	want := `test.star:3:14: walk: floored division by zero
        return 1 // (x - x)
                 ^
traceback, innermost last:
  test.star:6:9: in main
    each(wanted)
  in each
  test.star:3:14: in wanted`
	if got := detail(t, err); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}

	_, err = runSource(h, "each(lambda x: broken())")
	if !errors.Is(err, errDisk) {
		t.Errorf("%v hides the error of a builtin in the callback", err)
	}
}

// A callback that a stream calls, when the script iterates, adds its place too.
func TestCallbackInStream(t *testing.T) {
	filter := Builtin{Name: "filter", Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var f starlark.Callable
		if err := starlark.UnpackArgs(fn.Name(), args, kwargs, "f", &f); err != nil {
			return nil, err
		}
		return NewStream(thread, "filtered", func(yield func(starlark.Value, error) bool) {
			c := NewCallback(thread, f)
			defer c.Close()
			for i := range 10 {
				ok, err := c.Call(starlark.MakeInt(i))
				if err != nil {
					yield(nil, fmt.Errorf("filter: %w", err))
					return
				}
				if bool(ok.Truth()) && !yield(starlark.MakeInt(i), nil) {
					return
				}
			}
		}), nil
	}}
	h, out := newHost(filter)
	if _, err := runSource(h, "seen = []\nfor x in filter(lambda x: x > 7): seen.append(x)\nprint(seen)"); err != nil {
		t.Fatal(err)
	}
	if out.String() != "[8, 9]\n" {
		t.Errorf("printed %q", out)
	}
	_, err := runSource(h, "def main():\n  for x in filter(lambda x: 8 // (3 - x)): pass")
	want := `test.star:2:31: filter: floored division by zero
      for x in filter(lambda x: 8 // (3 - x)): pass
                                  ^
traceback, innermost last:
  test.star:2:3: in main
    for x in filter(lambda x: 8 // (3 - x)): pass
  test.star:2:31: in lambda`
	if got := detail(t, err); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestCallbackCancel(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	h, _ := newHost(each)
	s, err := h.LoadSource(ctx, "test.star", []byte("def f(x):\n  while True: pass\neach(f)"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", err)
	}
}

func TestCallbackMaxSteps(t *testing.T) {
	h, _ := newHost(each)
	h.Limits.Steps = 10000
	_, err := runSource(h, "def f(x):\n  while True: pass\neach(f)")
	if !errors.Is(err, ErrMaxSteps) {
		t.Errorf("error %v, want ErrMaxSteps", err)
	}
}

func TestCallbackPrint(t *testing.T) {
	h, out := newHost(each)
	if _, err := runSource(h, "each(lambda x: print('line'))"); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("line\n", 100); out.String() != want {
		t.Errorf("lines are mixed:\n%s", out)
	}
}

// One call per file of a tree: it has to cost less than looking at the file.
func BenchmarkCallback(b *testing.B) {
	measure := Builtin{Name: "measure", Func: func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		c := NewCallback(thread, args[0].(starlark.Callable))
		defer c.Close()
		x := starlark.MakeInt(5)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Call(x); err != nil {
					b.Error(err)
				}
			}
		})
		return starlark.None, nil
	}}
	h, _ := newHost(measure)
	if _, err := runSource(h, "exts = ('.iso', '.vmdk')\nmeasure(lambda f: f < 4 * GiB or f not in exts)"); err != nil {
		b.Fatal(err)
	}
}
