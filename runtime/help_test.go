package runtime

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// newDocumented returns a REPL with the test builtins and a value with them as
// methods, and what it prints.
func newDocumented(t *testing.T) (*dialogue, *bytes.Buffer) {
	h, out := newHost()
	h.Docs = map[string]Table{"": testTable, "web": {{Name: "get", Signature: "get(url)", Doc: "asks"}}}
	h.Names["web"] = &starlarkstruct.Module{Name: "web", Members: h.Docs["web"].Names()}
	return &dialogue{REPL: h.NewREPL("repl"), TB: t, line: 1}, out
}

func TestHelp(t *testing.T) {
	d, out := newDocumented(t)
	d.want("def mine(a, b = 2, *args, c = 'x', **rest):\n  '''Does\n  this.'''\n\ndef bare(a, *, b): pass\n", "")
	for _, test := range []struct{ call, want string }{
		{"help(touch)", "touch(x=None)\n\ndoes something to the world\n\nIt has an effect.\n"},
		{"help('touch')", "touch(x=None)\n\ndoes something to the world\n\nIt has an effect.\n"},
		{"help(broken)", "broken()\n\nfails\n"},
		{"help(web.get)", "get(url)\n\nasks\n"},
		{"help(web)", "module web\n\n  get(url)\n      asks\n"},
		{"help(len)", "len(x)\n\nhow many elements x has\n"},
		{"help(now)", "now()\n\nthe instant at which the run began, the same for every call\n"},
		{"help(here)", hereBuiltin.Signature + "\n\n" + hereBuiltin.Doc + "\n"},
		{"help([].append)", "append: a method of every list\n"},
		{"help(mine)", "mine(a, b=2, *args, c=\"x\", **rest)\n\nDoes\nthis.\n"},
		{"help(bare)", "bare(a, *, b)\n"},
		{"help(struct(a = 1, b = 2))", "a struct: .a .b\n"},
		{"help(7)", "7, a int\n"},
	} {
		out.Reset()
		d.want(test.call, "")
		if got := out.String(); got != test.want {
			t.Errorf("%s: %q, want %q", test.call, got, test.want)
		}
	}
	out.Reset()
	d.want("help()", "")
	for _, want := range []string{"  touch(x=None)\n      does something", "help(what=None)", "sorted", "json"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("help() lacks %q: %s", want, out)
		}
	}
	// All that Starlark has is documented, but for what needs no word.
	for name := range starlark.Universe {
		if _, ok := d.lookUp("", name); !ok && !slices.Contains([]string{"None", "True", "False", "bool", "bytes", "hasattr", "hash"}, name) {
			t.Errorf("%s is not documented", name)
		}
	}
}

func TestComplete(t *testing.T) {
	d, _ := newDocumented(t)
	d.want("thing = struct(alpha = struct(beta = 1), alps = 2)\nnames = ['x']", "")
	for _, test := range []struct {
		text string
		from int
		want string
	}{
		{"tou", 0, "touch"},
		{"f(tou", 2, "touch"},
		{"x = thi", 4, "thing"},
		{"whi", 0, "while"},
		{"sort", 0, "sorted"},
		{"thing.al", 6, "alpha alps"},
		{"thing.alpha.", 12, "beta"},
		{"names.app", 6, "append"},
		{"web.", 4, "get"},
		{"touch.", 6, ""},
		{"f().", 4, ""},
		{"nothing.x", 8, ""},
	} {
		from, names := d.Complete(test.text)
		if from != test.from || strings.Join(names, " ") != test.want {
			t.Errorf("%s: %d %q, want %d %q", test.text, from, names, test.from, test.want)
		}
	}
	if _, all := d.Complete(""); !slices.Contains(all, "help") || slices.Contains(all, Last) {
		t.Error(all)
	}
}
