package runtime

import (
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, src, want string }{
		{"Time", `print(json.encode([now(), 90 * time.second]))`, `["2026-11-22T11:00:00Z",90.0]`},
		{"Struct", `print(json.encode({"a": struct(at = now(), n = 1)}))`, `{"a":{"at":"2026-11-22T11:00:00Z","n":1}}`},
		{"Indent", `print(json.encode_indent([1, "x"], indent = " "))`, "[\n 1,\n \"x\"\n]"},
		{"Decode", `print(json.decode('{"a": [1, null, "]["]}'))`, `{"a": [1, None, "]["]}`},
		{"Default", `print(json.decode("{", default = 7))`, "7"},
		{"Deep", `print(len(json.encode(json.decode("[" * 900 + "]" * 900))))`, "1800"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, out := newHost()
			if _, err := runSource(h, test.src); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(out.String(), "\n"); got != test.want {
				t.Errorf("printed %s, want %s", got, test.want)
			}
		})
	}
	for _, test := range []struct{ name, src, want string }{
		{"Cycle", "x = []\nx.append(x)\njson.encode(x)", "test.star:3:12: json.encode: more than 1000 levels lie in each other"},
		{"DecodeDeep", `json.decode("[" * (1 << 26))`, "json.decode: more than 1000 levels lie in each other"},
		{"Function", `json.encode(print)`, "json.encode: a function cannot be written as JSON"},
		{"Syntax", `json.decode("{")`, "json.decode: at offset 1, unexpected end of file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, _ := newHost()
			_, err := runSource(h, test.src)
			wantError(t, err, test.want)
		})
	}
}

// A script that would do nothing is a mistake, and not a run that ends well.
func TestIdle(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, src, want string }{
		{"One", "def backup():\n    touch()", "test.star:1:5: the script has no main and calls nothing, so it would do nothing: call this function main instead of backup"},
		{"Last", "def f():\n    pass\ndef job():\n    pass\ndef _g():\n    pass", "instead of job"},
		{"Alike", "def Main():\n    pass\ndef job():\n    pass", "instead of Main"},
		{"Private", "def _run():\n    pass", "instead of _run"},
		{"Constants", "S = struct(a = [1, len('x')])\nf = lambda: touch()\ndef job():\n    pass", "instead of job"},
		{"Calls", "def job():\n    pass\njob()", ""},
		{"CallsWithin", "def job():\n    pass\nx = [1, job()]", ""},
		{"Loop", "def job():\n    pass\nfor i in range(2):\n    job()", ""},
		{"NoFunction", "x = 1", ""},
		{"Empty", "", "test.star:1:1: the script is empty, so it would do nothing: define a function main"},
		{"Comment", "# def main(): pass", "test.star:1:1: the script is empty"},
		{"Twice", "def main():\n    touch()\ndef f():\n    pass\ndef main():\n    pass", "test.star:5:5: main is defined a second time, and the one of line 1 would not be run"},
		{"Wrapped", "def main():\n    touch()\n_main = main\ndef main():\n    _main()", ""},
		{"Lambda", "main = lambda: touch()", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, _ := newHost()
			_, err := runSource(h, test.src)
			if test.want == "" && err != nil {
				t.Fatal(err)
			} else if test.want != "" {
				wantError(t, err, test.want)
			}
		})
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 5<<20)
	for _, test := range []struct{ text, want string }{
		{"plain\ttext – ü", "plain\ttext – ü"},
		{"\x1b[2Kgone", `"\x1b[2Kgone"`},
		{"a\nb", `"a\nb"`},
		{"\xff", `"\xff"`},
		{long, strings.Repeat("é", 199) + "…"},
		{strings.Repeat("x", 200), strings.Repeat("x", 200)},
		{strings.Repeat("漢", 100), strings.Repeat("漢", 100)},
		{strings.Repeat("漢", 101), strings.Repeat("漢", 99) + "…"},
		{strings.Repeat("\x1b", 1000), `"` + strings.Repeat(`\x1b`, 49) + `\"…`},
		{"e" + strings.Repeat("\u0301", 1<<20), "e" + strings.Repeat("\u0301", 399) + "…"},
	} {
		if got := Shown(test.text); got != test.want {
			t.Errorf("%.20q is shown as %.250s, want %.250s", test.text, got, test.want)
		}
	}
	if got := Harmless("a\n\x1b[2K \"é\xff\r"); got != "a\n\\x1b[2K \"é\\xff\\r" {
		t.Errorf("a text is shown as %s", got)
	}
	ours := strings.Repeat("漢", 500)
	for text, want := range map[string]string{
		"a\n\x1b[2K\n":               "a\n\\x1b[2K\n",
		ours + "\nb":                 ours + "\nb",
		ours + "x\nb":                strings.Repeat("漢", 66) + " … " + strings.Repeat("漢", 32) + "x\nb",
		strings.Repeat("x\n", 5<<20): strings.Repeat("x\n", 100) + "…",
	} {
		if got := Message(text); got != want {
			t.Errorf("a message of %.20q is %.1000s, want %.1000s", text, got, want)
		}
	}
}
