package folding

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestKey(t *testing.T) {
	t.Parallel()
	for _, alike := range [][]string{
		{"Makefile", "makefile", "MAKEFILE", "makefile.", "makefile. "}, {"\u00e9", "e\u0301", "\u00c9", "E\u0301"},
		{"stra\u00dfe", "STRASSE", "stra\u1e9ee"}, {"k", "\u212a", "K"}, {"\u03c3", "\u03c2", "\u03a3"}, {"ab", "a\u200db"}, {"i", "\u0131", "I"},
	} {
		for _, name := range alike[1:] {
			if Key(name) != Key(alike[0]) {
				t.Errorf("%q is not told to be like %q", name, alike[0])
			}
		}
	}
	for _, name := range []string{"a", "b", "a~1", "\u00e4", "\xff", ".a"} {
		if name != "a" && Key(name) == Key("a") {
			t.Errorf("%q is told to be like a", name)
		}
	}
}

func TestWithNumber(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"x": "x~12", strings.Repeat("n", 252): strings.Repeat("n", 252) + "~12", strings.Repeat("n", 255): strings.Repeat("n", 252) + "~12",
		strings.Repeat("\u00e9", 127): strings.Repeat("\u00e9", 126) + "~12", "a" + strings.Repeat("\u00e9", 127): "a" + strings.Repeat("\u00e9", 125) + "~12",
		strings.Repeat("\xff", 255): "~12",
	} {
		if got := WithNumber(name, 12); got != want || !utf8.ValidString(got) {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}
