package runtime

import (
	"context"
	"strings"
	"testing"
)

const documents = `"""Documents: snapshot, read a tenth back, keep a ladder."""

def main(source = "~/Documents", daily = 7, weekly = 4, deep = False):
    """Back up one directory.

    Args:
      source: the directory to snapshot
      deep: read every byte back
        afterwards
    """
`

// signature returns the signature of a script.
func signature(t testing.TB, src string) *Signature {
	t.Helper()
	h, _ := newHost()
	s, err := h.LoadSource(context.Background(), "test.star", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return &s.Signature
}

func TestSignature(t *testing.T) {
	sig := signature(t, "def main(a, b = None, c = 4 * GiB, d = [1], e = ('x',), f = struct(), *g, h, i = 1.5, j = True, **k):\n  '''Args:\n    a: first\n    g: rest'''")
	want := []string{
		"a string required first", "b string", "c int", "d list of int", "e list of string", "f fixed",
		"h string required named", "i float named", "j bool named", "g rest rest",
	}
	var got []string
	for _, p := range sig.Params {
		s := p.Name + " " + p.Kind.String()
		if p.Rest {
			s = p.Name + " rest"
		}
		if p.Kind == List {
			s += " of " + p.Elem.String()
		}
		if p.Required() {
			s += " required"
		}
		if p.Named {
			s += " named"
		}
		got = append(got, strings.TrimSpace(s+" "+p.Doc))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}

func TestSignatureDoc(t *testing.T) {
	for src, want := range map[string]string{
		documents:                            "Back up one directory.",
		"'''Module.'''\ndef main(): pass":    "Module.",
		"'Module.'\nprint(1)":                "Module.",
		"def main():\n  '''\n  Main.\n  '''": "Main.",
		"x = 1":                              "",
	} {
		if got := signature(t, src).Doc; got != want {
			t.Errorf("%q: doc %q, want %q", src, got, want)
		}
	}
}
