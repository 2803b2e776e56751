package store

import (
	"maps"
	"strings"
	"testing"
	"unicode/utf8"
)

// The file system says what it takes for one.
func TestApart(t *testing.T) {
	t.Parallel()
	p := begin(t, newRoot(t), "1")
	defer p.Close()
	names := []string{"A", "Makefile", "a", "b", "makefile", "makefile~1", "only", "x", "x."}
	want := map[string]string{"a": "a~1", "makefile": "makefile~3"}
	if !p.Folds() {
		want = map[string]string{}
	}
	for range 2 { // what was tried is gone
		got, err := p.Apart(names, func(name string) bool { return name == "makefile~2" })
		must(t, err)
		if !maps.Equal(got, want) {
			t.Errorf("names apart are %v, want %v", got, want)
		}
	}
	if got, err := p.Apart([]string{"a", "b"}, nil); err != nil || len(got) > 0 {
		t.Errorf("names apart are %v, %v", got, err)
	}
}

func TestFoldKey(t *testing.T) {
	t.Parallel()
	for _, alike := range [][]string{
		{"Makefile", "makefile", "MAKEFILE", "makefile.", "makefile. "}, {"\u00e9", "e\u0301", "\u00c9", "E\u0301"},
		{"stra\u00dfe", "STRASSE", "stra\u1e9ee"}, {"k", "\u212a", "K"}, {"\u03c3", "\u03c2", "\u03a3"}, {"ab", "a\u200db"}, {"i", "\u0131", "I"},
	} {
		for _, name := range alike[1:] {
			if foldKey(name) != foldKey(alike[0]) {
				t.Errorf("%q is not told to be like %q", name, alike[0])
			}
		}
	}
	for _, name := range []string{"a", "b", "a~1", "\u00e4", "\xff", ".a"} {
		if name != "a" && foldKey(name) == foldKey("a") {
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
		if got := withNumber(name, 12); got != want || !utf8.ValidString(got) {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}
