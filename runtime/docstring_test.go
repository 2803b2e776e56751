package runtime

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParseDoc(t *testing.T) {
	tests := []struct{ name, doc, text, args string }{
		{"Empty", "", "", ""},
		{"OneLine", "Back up.", "Back up.", ""},
		{"Text", "\n    Back up.\n\n      Indented.\n    ", "Back up.\n\n  Indented.", ""},
		{"Args", "Back up.\n\n    Args:\n      a: one\n      b: two\n    ", "Back up.", "a=one b=two"},
		{"Continued", "Args:\n  a: one\n    more\n      yet more\n  b:\n    two", "", "a=one more yet more b=two"},
		{"Types", "Args:\n  a (int): one\n  *rest: two\n  **kw (dict): three", "", "a=one kw=three rest=two"},
		{"Colons", "Args:\n  a: at 10:30: late", "", "a=at 10:30: late"},
		{"BlankLines", "Args:\n  a: one\n\n  b: two", "", "a=one b=two"},
		{"After", "X.\n\nArgs:\n  a: one\n\nReturns:\n  b: two", "X.\n\nReturns:\n  b: two", "a=one"},
		{"Tabs", "X.\n\n\tArgs:\n\t\ta: one\n\t\t\tmore", "X.", "a=one more"},
		{"CRLF", "X.\r\n\r\n  Args:\r\n    a: one\r\n", "X.", "a=one"},
		{"NoColon", "Args:\n  nothing\n    more\n  a: one", "", "a=one"},
		{"NotAHeading", "X.\n  Args:\n    a: b\n\nY.", "X.\n  Args:\n    a: b\n\nY.", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, args := parseDoc(tt.doc)
			if text != tt.text {
				t.Errorf("text %q, want %q", text, tt.text)
			}
			var got []string
			for _, name := range slices.Sorted(maps.Keys(args)) {
				got = append(got, name+"="+args[name])
			}
			if s := strings.Join(got, " "); s != tt.args {
				t.Errorf("args %q, want %q", s, tt.args)
			}
		})
	}
}

func FuzzParseDoc(f *testing.F) {
	f.Add("Back up.\n\n    Args:\n      a (int): one\n        more\n    ")
	f.Add("\tArgs:\n\t\t*a:b\r\n\n:\n (")
	f.Fuzz(func(t *testing.T, doc string) {
		text, args := parseDoc(doc)
		if text != strings.TrimSpace(text) {
			t.Errorf("text %q has space around it", text)
		}
		for name, about := range args {
			// Help puts each on a line of its own.
			if name == "" || strings.ContainsAny(name+about, "\n\t") {
				t.Errorf("arg %q: %q", name, about)
			}
		}
	})
}

func Example_parseDoc() {
	text, args := parseDoc(`Back up one directory.

    Args:
      source: the directory to snapshot
    `)
	fmt.Println(text)
	fmt.Println(args["source"])
	// Output:
	// Back up one directory.
	// the directory to snapshot
}
