package runtime

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.starlark.net/starlark"
)

// count is a builtin whose stream counts to n, and fails after fail elements.
var count = Builtin{Name: "count", Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var n, fail = 0, -1
	if err := starlark.UnpackArgs(fn.Name(), args, kwargs, "n", &n, "fail?", &fail); err != nil {
		return nil, err
	}
	return NewStream(thread, "numbers", func(yield func(starlark.Value, error) bool) {
		for i := range n {
			if err := Context(thread).Err(); err != nil {
				yield(nil, err)
				return
			}
			if i == fail {
				yield(nil, fmt.Errorf("count to %d: %w", i, errDisk))
				return
			}
			if !yield(starlark.MakeInt(i), nil) {
				return
			}
		}
	}), nil
}}

func TestStream(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"Loop", "for i in count(3): print(i)", "0\n1\n2\n"},
		{"Twice", "c = count(3)\nprint(list(c), list(c))", "[0, 1, 2] [0, 1, 2]\n"},
		{"Break", "for i in count(1 << 40):\n  if i == 2: break\nprint(i)", "2\n"},
		{"Nested", "c = count(2)\nprint([(i, j) for i in c for j in c])", "[(0, 0), (0, 1), (1, 0), (1, 1)]\n"},
		{"Value", "print(count(1), type(count(1)), bool(count(0)))", "<numbers> numbers True\n"},
		{"MadeBeforeMain", "c = count(2)\ndef main(): print(list(c))", "[0, 1]\n"},
		{"Length", "print(len(count(3)), len(count(0)), len([1, 2]), len({}))", "3 0 2 0\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, out := newHost(count)
			if _, err := runSource(h, tt.src); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want {
				t.Errorf("printed %q, want %q", out, tt.want)
			}
		})
	}
}

// A stream that fails must end the script before anything is made of the part
// that came.
func TestStreamFails(t *testing.T) {
	tests := []struct{ name, src, pos string }{
		{"Loop", "def main():\n  for i in count(9, fail = 2): pass\n  touch(print('short'))", "2:3"},
		{"List", "def main():\n  print('short', list(count(9, fail = 2)))", "2:22"},
		{"Return", "def main(): return list(count(9, fail = 2))", "1:"},
		{"Unpack", "def main():\n  a, b = count(9, fail = 2)\n  print('short')", "2:"},
		{"NoMain", "n = len(list(count(9, fail = 2)))\nprint('short')", "1:"},
		{"MadeBeforeMain", "c = count(9, fail = 2)\ndef main():\n  for i in c: pass\n  print('short')", "3:3"},
		{"Length", "def main(): print('short', len(count(9, fail = 2)))", "1:31"},
		{"InCallback", "def f(x): return len(list(count(9, fail = 2)))\ndef main():\n  each(f)\n  print('short')", "1:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, out := newHost(count, each)
			_, err := runSource(h, tt.src)
			wantError(t, err, "count to 2: "+errDisk.Error())
			wantError(t, err, "test.star:"+tt.pos)
			if !errors.Is(err, errDisk) {
				t.Errorf("%v hides its cause", err)
			}
			if errors.Is(err, context.Canceled) {
				t.Errorf("%v looks as if somebody had cancelled the run", err)
			}
			if out.Len() > 0 {
				t.Errorf("the script went on and printed %q", out)
			}
		})
	}
}

func TestStreamAll(t *testing.T) {
	take := Builtin{Name: "take", Func: func(_ *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var s *Stream
		if err := starlark.UnpackArgs(fn.Name(), args, kwargs, "s", &s); err != nil {
			return nil, err
		}
		n := 0
		for _, err := range s.All() {
			if err != nil {
				return nil, fmt.Errorf("take after %d: %w", n, err)
			}
			n++
		}
		return starlark.MakeInt(n), nil
	}}
	h, out := newHost(count, take)
	if _, err := runSource(h, "print(take(count(3)))"); err != nil || out.String() != "3\n" {
		t.Errorf("printed %q, error %v", out, err)
	}
	_, err := runSource(h, "print(take(count(3, fail = 1)))")
	wantError(t, err, "test.star:1:11: take after 1: count to 1: "+errDisk.Error())
}

// TestLength holds that len is as strict as Starlark's own.
func TestLength(t *testing.T) {
	for src, want := range map[string]string{
		"len(1)": "len: value of type int has no len", "len()": "len: got 0 arguments, want 1", "len(x = [])": "len: ",
		"len(count(1), 2)": "len: got 2 arguments, want 1",
	} {
		h, _ := newHost(count)
		_, err := runSource(h, src)
		wantError(t, err, want)
	}
}
