package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.starlark.net/starlark"
	"pgregory.net/rapid"
)

// bind shows what main would be called with.
func bind(sig *Signature, line string) (string, error) {
	args, kwargs, err := sig.Bind(strings.Fields(line))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, v := range args {
		fmt.Fprintf(&b, "%s ", v)
	}
	for _, kv := range kwargs {
		fmt.Fprintf(&b, "%s=%s ", kv[0].(starlark.String).GoString(), kv[1])
	}
	return strings.TrimSpace(b.String()), nil
}

func TestBind(t *testing.T) {
	tests := []struct{ name, params, line, want string }{
		{"Required", "a, b", "x y", `a="x" b="y"`},
		{"RequiredAsFlag", "a, b", "--a x y", `a="x" b="y"`},
		{"RequiredFlagLast", "a, b", "y --a=x", `a="x" b="y"`},
		{"Defaults", "a = 's', b = 1, c = False, d = 2.5, e = None", "", `a="s" b=1 c=False d=2.5 e=None`},
		{"Documents", "source = '~', daily = 7, deep = False", "~/Documents --deep --daily 14", `source="~/Documents" daily=14 deep=True`},
		{"Equals", "n = 7, s = ''", "--n=14 --s=a=b", `n=14 s="a=b"`},
		{"LastWins", "n = 7", "--n 1 --n 2", "n=2"},
		{"Negative", "n = 7", "--n -1", "n=-1"},
		{"Size", "n = 0, m = 0, d = 0", "--n 4GiB --m 1.5KiB --d 4kB", "n=4294967296 m=1536 d=4000"},
		{"Float", "f = 1.0", "--f 3", "f=3.0"},
		{"NoneIsString", "s = None", "--s 3", `s="3"`},
		{"Switch", "a = False, b = True, c = True, d = False", "--a --no-b --c=false --d=true", "a=True b=False c=False d=True"},
		{"SwitchBeforePositional", "s, deep = False", "--deep x", `s="x" deep=True`},
		{"NegatedValue", "a = True, b = True", "--no-a=true --no-b=false", "a=False b=True"},
		{"NamedNoX", "no_x = 1, x = False", "--no-x 2", "no_x=2 x=False"},
		{"Dashes", "daily_count = 1, b_c = 1", "--daily-count 2 --b_c 3", "daily_count=2 b_c=3"},
		{"List", "skip = ['a']", "--skip x --skip y", `skip=["x", "y"]`},
		{"ListDefault", "skip = ['a']", "", `skip=["a"]`},
		{"ListOfInt", "n = [1]", "--n 2 --n 1KiB", "n=[2, 1024]"},
		{"Tuple", "n = (1, 2)", "--n 2", "n=(2,)"},
		{"TupleDefault", "n = (1, 2)", "", "n=(1, 2)"},
		{"ListTakesRest", "a, l = []", "x y z", `a="x" l=["y", "z"]`},
		{"Rest", "a, b = 2, *rest", "x 3 y z", `"x" 2 "3" "y" "z"`},
		{"RestEmpty", "a, b = 2, *rest", "x", `a="x" b=2`},
		{"RestBehindFlag", "a, b = 2, *rest, c = 1", "--b 5 x y --c 2", `"x" 5 "y" c=2`},
		{"RestBehindFixed", "a, b = {}, *rest", "x y", `"x" {} "y"`},
		{"NamedOnly", "a, *, b = 1", "x --b 2", `a="x" b=2`},
		{"DashDash", "a, b = ''", "-- --b -x", `a="--b" b="-x"`},
		{"Dash", "a", "-", `a="-"`},
		{"ParamCalledHelp", "help = False", "--help", "help=True"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := bind(signature(t, "def main("+tt.params+"): pass"), tt.line)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestBindErrors(t *testing.T) {
	const doc = ":\n  'Args:\\n  source: the directory'"
	tests := []struct{ name, params, line, want string }{
		{"ErrMissing", "source, dest", "", "missing <source>: the directory"},
		{"ErrMissingSecond", "source, dest", "x", "missing <dest>"},
		{"ErrMissingNamed", "*, dest_dir", "", "missing --dest-dir"},
		{"ErrUnexpected", "source", "x y", `unexpected argument "y"`},
		{"ErrUnexpectedBeyondNamed", "source, *, n = 1", "x 2", `unexpected argument "2"`},
		{"ErrUnknown", "daily = 7, deep = False", "--dialy 3", "unknown flag --dialy: did you mean --daily?"},
		{"ErrLonger", "last = 7, keep_tag = []", "--keep-last 3", "unknown flag --keep-last: did you mean --last?"},
		{"ErrOneDash", "daily = 7", "-daily 3", "unknown flag -daily: did you mean --daily?"},
		{"ErrUnknownFar", "daily = 7", "--zzzzzz 3", "unknown flag --zzzzzz: --help lists"},
		{"ErrUnknownShort", "a = 's'", "--zz 3", "unknown flag --zz: --help lists"},
		{"ErrInt", "daily = 7", "--daily often", `--daily: "often" is not a whole number`},
		{"ErrIntUnit", "daily = 7", "--daily 4G", `--daily: "4G" is not a whole number such as 7 or 4GiB`},
		{"ErrIntPositional", "source = '', daily = 7", "x 9", `unexpected argument "9": all but what --help lists as arguments is given as a flag, such as --daily`},
		{"ErrAfterInt", "daily = 7, s = ''", "x", `unexpected argument "x": all but`},
		{"ErrFloat", "f = 1.0", "--f NaN", `--f: "NaN" is not a number`},
		{"ErrBool", "deep = False", "--deep=maybe", `--deep: "maybe" is neither true nor false`},
		{"ErrBoolPositional", "deep = False", "true", `unexpected argument "true"`},
		{"ErrNoValue", "daily = 7", "--daily", "--daily needs a value: --daily int"},
		{"ErrFixed", "x = {}", "--x 1", "unknown flag --x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := bind(signature(t, "def main("+tt.params+")"+doc), tt.line)
			wantError(t, err, tt.want)
			var usage *UsageError
			if !errors.As(err, &usage) {
				t.Errorf("%v is a %T, not a *UsageError", err, err)
			}
		})
	}
	for _, flag := range []string{"--help", "-h"} {
		if _, err := bind(signature(t, "def main(a): pass"), flag); !errors.Is(err, ErrHelp) {
			t.Errorf("%s: error %v, want ErrHelp", flag, err)
		}
	}
}

// main may change a list it got, given or default, and the next run starts
// from the default again.
func TestBindFreshLists(t *testing.T) {
	h, out := newHost()
	s, err := h.LoadSource(context.Background(), "test.star", []byte("def main(l = ['a']):\n  l.append('b')\n  print(l)"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Run(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if want := "[\"a\", \"b\"]\n[\"a\", \"b\"]\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out, want)
	}
}

// Whatever is bound can be given: a command line written out from values binds
// to these values again, in any mix of flags and positional arguments.
func TestBindRoundTrip(t *testing.T) {
	sig := signature(t, "def main(s, n = 1, b = False, l = [], *rest): pass")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[-=a-z/ ]{0,6}`)
		s, n, b := text.Draw(t, "s"), rapid.Int64().Draw(t, "n"), rapid.Bool().Draw(t, "b")
		l := rapid.SliceOfN(text, 1, 3).Draw(t, "l")
		rest := rapid.SliceOfN(text, 0, 3).Draw(t, "rest")

		var args []string
		for _, x := range l {
			args = append(args, "--l", x)
		}
		args = append(args, fmt.Sprintf("--b=%v", b), fmt.Sprintf("--n=%d", n))
		if rapid.Bool().Draw(t, "flag") {
			args = append(args, "--s="+s, "--")
		} else {
			args = append(args, "--", s)
		}
		args = append(args, rest...)

		positional, kwargs, err := sig.Bind(args)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for i, v := range positional[:min(4, len(positional))] {
			got[sig.Params[i].Name] = v.String()
		}
		for _, kv := range kwargs {
			got[string(kv[0].(starlark.String))] = kv[1].String()
		}
		want := map[string]string{
			"s": starlark.String(s).String(), "n": fmt.Sprint(n),
			"b": starlark.Bool(b).String(), "l": listOf(l).String(),
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q bound %v, want %v", args, got, want)
		}
		if n := max(len(positional)-4, 0); n != len(rest) {
			t.Fatalf("%q bound %v, want rest %q", args, positional, rest)
		}
	})
}

func listOf(texts []string) *starlark.List {
	l := new(starlark.List)
	for _, s := range texts {
		l.Append(starlark.String(s))
	}
	return l
}

func FuzzBind(f *testing.F) {
	sig := signature(f, "def main(a, b = 1, c = False, d = [0.5], e = (), f = {}, *rest, g, h_i = None): pass")
	for _, seed := range []string{"x", "x\n--g\ny", "--no-c\n--g=1\nx\n2\ntrue\n0.1", "--\n-", "--d\n1e9", "-h", "--h_i"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		_, kwargs, err := sig.Bind(strings.Split(line, "\n"))
		var usage *UsageError
		if err != nil && !errors.As(err, &usage) && !errors.Is(err, ErrHelp) {
			t.Fatalf("error %v is a %T", err, err)
		}
		for _, kv := range kwargs {
			if len(kv) != 2 || kv[1] == nil {
				t.Fatalf("bound %v", kv)
			}
		}
	})
}
