package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.starlark.net/starlark"
)

func TestRun(t *testing.T) {
	tests := []struct{ name, src, printed, result string }{
		{"Main", "def main(): return 1 + 2", "", "3"},
		{"MainLambda", "main = lambda: 7", "", "7"},
		{"NoMain", "total = 0\nfor i in range(4): total += i\nprint(total)", "6\n", "None"},
		{"While", "n = 3\nwhile n: n -= 1\nprint(n, set([1]))", "0 set([1])\n", "None"},
		{"ByteOrderMark", "\ufeffprint('x')", "x\n", "None"},
		{"HashBang", "#!/usr/bin/env -S phlb exec\nprint('x')", "x\n", "None"},
		{"Library", "print(4 * GiB // MiB, KiB, TiB // GiB, math.ceil(1.5), struct(a=1).a, json.decode('[1]'))", "4096 1024 1024 2 1 [1]\n", "None"},
		{"Clock", "print(now() == time.now(), now())", "True 2026-11-22 12:00:00 +0100 CET\n", "None"},
		{"Timestamp", "print(time.from_timestamp(0))", "1970-01-01 01:00:00 +0100 CET\n", "None"},
		{"JSONManglesBytes", "print(json.encode('ä'[0]))", "\"\\ufffd\"\n", "None"},
		{"EffectInMain", "def main(): return touch()", "", `"touched"`},
		{"EffectNoMain", "print(touch())", "touched\n", "None"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, out := newHost()
			v, err := runSource(h, tt.src)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.printed || v.String() != tt.result {
				t.Errorf("printed %q, result %s; want %q, %s", out, v, tt.printed, tt.result)
			}
		})
	}
}

func TestRunErrors(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"ErrEffectBeforeMain", "x = touch()\ndef main(): pass", "1:10: touch has an effect, and test.star is still being loaded: move the call into main"},
		{"ErrEffectInDefault", "def main(x = touch()): pass", "touch has an effect"},
		{"ErrMainNoFunction", "main = 3", "1:1: main is not a function"},
		{"ErrMainNeverBound", "if False:\n  main = 1", "2:3: main is not a function"},
		{"ErrMainLoaded", "load('lib.star', 'main')", "a loaded main is not run"},
		{"ErrRecursion", "def f(n): return f(n)\ndef main(): f(1)", "function f called recursively"},
		{"ErrHugeString", "'x' * 10000000000", "repeat count 10000000000 too large"},
		{"ErrLargeString", "'x' * (1 << 30)", "excessive repeat (1 * 1073741824 elements)"},
		{"ErrUniverse", "foo()", "undefined: foo"},
		{"ErrNear", "toch()", "undefined: toch (did you mean touch?)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := newHost()
			_, err := runSource(h, tt.src)
			wantError(t, err, tt.want)
		})
	}
}

func TestNoMainTakesNoArguments(t *testing.T) {
	h, out := newHost()
	_, err := runSource(h, "print('ran')", "surplus")
	var usage *UsageError
	if !errors.As(err, &usage) || out.Len() > 0 {
		t.Fatalf("error %v, printed %q; want a UsageError before anything runs", err, out)
	}
}

func TestMaxSteps(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		h, _ := newHost()
		h.Limits.Steps = 1000
		if _, err := runSource(h, "def main(): return len([x for x in range(50)])"); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("ErrLoop", func(t *testing.T) {
		h, _ := newHost()
		h.Limits.Steps = 1000
		_, err := runSource(h, "while True: pass")
		wantError(t, err, "test.star:1:1: the script takes too many steps: stopped after 1000")
		if !errors.Is(err, ErrMaxSteps) {
			t.Errorf("%v is not ErrMaxSteps", err)
		}
	})
	t.Run("ErrModulesCount", func(t *testing.T) {
		dir := tree(t, "a.star", "load('b.star', 'b')\n[x for x in range(100)]", "b.star", "b = [x for x in range(100)]")
		h, _ := newHost()
		h.Limits.Steps = 1000 // enough for either alone
		if err := runFile(h, dir+"/b.star"); err != nil {
			t.Fatal(err)
		}
		if err := runFile(h, dir+"/a.star"); !errors.Is(err, ErrMaxSteps) {
			t.Errorf("error %v, want ErrMaxSteps", err)
		}
	})
}

func TestCancel(t *testing.T) {
	loop := "while True: pass\n"
	tests := []struct{ name, main, lib string }{
		{"Script", loop, ""},
		{"Main", "def main():\n  while True: pass", ""},
		{"Module", "load('lib.star', 'x')\ndef main(): pass", loop + "x = 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := tree(t, "main.star", tt.main, "lib.star", tt.lib)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			h, _ := newHost()
			s, err := h.Load(ctx, dir+"/main.star")
			if err == nil {
				_, err = s.Run(ctx, nil)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("error %v", err)
			}
			if strings.Contains(err.Error(), "Starlark computation") {
				t.Errorf("the message is Starlark's: %v", err)
			}
		})
	}
	t.Run("Cause", func(t *testing.T) {
		interrupted := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(interrupted)
		h, _ := newHost()
		_, err := h.LoadSource(ctx, "test.star", []byte("def main(): pass"))
		if !errors.Is(err, context.Canceled) || !errors.Is(err, interrupted) {
			t.Errorf("error %v is not both context.Canceled and the cause", err)
		}
	})
	t.Run("Builtin", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		wait := Builtin{Name: "wait", Func: func(thread *starlark.Thread, _ *starlark.Builtin, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			cancel()
			<-Context(thread).Done()
			if Err(thread) == nil {
				t.Error("Err is nil after a cancellation")
			}
			return nil, fmt.Errorf("wait for the disk: %w", Context(thread).Err())
		}}
		h, _ := newHost(wait)
		s, err := h.LoadSource(ctx, "test.star", []byte("wait()"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Run(ctx, nil)
		wantError(t, err, "test.star:1:5: wait for the disk: context canceled")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v is not context.Canceled", err)
		}
	})
}

func TestRunAgain(t *testing.T) {
	h, out := newHost()
	s, err := h.LoadSource(context.Background(), "test.star", []byte("def main(n = 1): print(n)"))
	if err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Run(canceled, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	for _, n := range []string{"1", "2"} {
		if _, err := s.Run(context.Background(), []string{"--n", n}); err != nil {
			t.Fatal(err)
		}
	}
	if out.String() != "1\n2\n" {
		t.Errorf("printed %q", out)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errDisk }

func TestPrintFails(t *testing.T) {
	h, _ := newHost()
	h.Print = failingWriter{}
	_, err := runSource(h, "print(1)\nprint(2)")
	if !errors.Is(err, errDisk) {
		t.Errorf("error %v, want %v", err, errDisk)
	}
}

func ExampleHost() {
	host := &Host{Print: os.Stdout}
	script, err := host.LoadSource(context.Background(), "greet.star", []byte(`
def main(name, loud = False):
    print("Hello, " + (name.upper() if loud else name))
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := script.Run(context.Background(), []string{"world", "--loud"}); err != nil {
		fmt.Println(err)
	}
	// Output: Hello, WORLD
}
