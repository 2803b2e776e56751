package runtime

import (
	"strings"
	"testing"
)

func TestChunk(t *testing.T) {
	for _, test := range []struct {
		name, text, want string // want "": the statement goes on
	}{
		{"Simple", "x = 1", "x = 1"},
		{"Two", "x = 1\ny = 2\n", "x = 1\n"},
		{"Semicolon", "x = 1; y = 2\n", "x = 1; y = 2\n"},
		{"Parenthesis", "x = f(\n", ""},
		{"ParenthesisClosed", "x = f(\n1,\n\n2)\ny\n", "x = f(\n1,\n\n2)\n"},
		{"String", `x = """a` + "\n", ""},
		{"StringClosed", `x = """a` + "\nb\n\nc" + `"""` + "\ny", `x = """a` + "\nb\n\nc" + `"""` + "\n"},
		{"Backslash", "x = 1 + \\\n", ""},
		{"BackslashClosed", "x = 1 + \\\n2\ny\n", "x = 1 + \\\n2\n"},
		{"Head", "def f():\n", ""},
		{"Body", "def f():\n  return 1\n", ""},
		{"BodyBlank", "def f():\n  return 1\n\n", "def f():\n  return 1\n\n"},
		{"BlankInside", "def f():\n  x = 1\n\n  return x\n\ny\n", "def f():\n  x = 1\n\n  return x\n\n"},
		{"NoBlank", "def f():\n  return 1\nf()\n", "def f():\n  return 1\n"},
		{"Comment", "def f():\n  x = 1\n# so\n  return x\nf()\n", "def f():\n  x = 1\n# so\n  return x\n"},
		{"Else", "if x:\n  y\nelif z:\n  y\nelse:\n  z\nw\n", "if x:\n  y\nelif z:\n  y\nelse:\n  z\n"},
		{"Elsewhere", "if x:\n  y\nelsewhere()\n", "if x:\n  y\n"},
		{"OneLine", "for x in y: print(x)\nz\n", "for x in y: print(x)\n"},
		{"Nested", "for x in y:\n  if x:\n    z\n  w\n\n", "for x in y:\n  if x:\n    z\n  w\n\n"},
		{"Wrong", "x = = 1\ny\n", "x = = 1\n"},
		{"WrongAtEnd", "x = )", "x = )"},
		{"WrongBlock", "def f(:\n  x\n", "def f(:\n"},
		{"Empty", "\nx\n", "\n"},
		{"OnlyComment", "# so\nx\n", "# so\n"},
		{"Nothing", "", ""},
		{"CRLF", "def f():\r\n  return 1\r\n\r\nx\r\n", "def f():\r\n  return 1\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.text[:Chunk(test.text)]; got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// FuzzChunk holds that taking chunks off a text comes to an end.
func FuzzChunk(f *testing.F) {
	f.Add("def f():\n  x = 1\n\n  return x\nf(\n1)\n\"\"\"")
	f.Fuzz(func(t *testing.T, text string) {
		for text != "" {
			n := Chunk(text)
			if n < 0 || n > len(text) {
				t.Fatalf("%q: %d", text, n)
			}
			if n == 0 {
				return
			}
			if n < len(text) && !strings.HasSuffix(text[:n], "\n") {
				t.Fatalf("%q ends within a line", text[:n])
			}
			text = text[n:]
		}
	})
}
