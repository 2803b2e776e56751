package ask

import (
	"strings"
	"testing"
)

func FuzzTokens(f *testing.F) {
	f.Add("SELECT 'a''b', \"c\"\"d\", `e`, [f g], x'00', 0x1f, ?1, :n -- x\n /* z */ FROM t WHERE a<=b->>'c';")
	f.Fuzz(func(t *testing.T, s string) {
		at := 0
		for _, token := range tokens(s) {
			if token.at < at || token.text == "" || s[token.at:token.end()] != token.text {
				t.Fatalf("%q: %+v after %d", s, token, at)
			}
			at = token.end()
		}
		if at > len(s) {
			t.Fatalf("%q: the last token ends at %d", s, at)
		}
		misunderstood(s, tokens(s))
		comparedWithSeveral(tokens(s))
	})
}

func TestLength(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT 1; SELECT 2":           "SELECT 1;",
		"SELECT ';' -- ;\n, \";\" ; x": "SELECT ';' -- ;\n, \";\" ;",
		"SELECT 1":                     "",
		"SELECT 'a;":                   "",
		"/* ; */":                      "",
	} {
		if got := text[:Length(text)]; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]int{"SELECT 'a": 7, "SELECT 'it''s": 7, "SELECT [a": 7, "SELECT 'a'": -1, "-- 'a": -1} {
		at, open := Unclosed(text)
		if open != (want >= 0) || open && at != want {
			t.Errorf("%q: %d %v, want %d", text, at, open, want)
		}
	}
	if many := strings.Repeat("(", 100_000); len(tokens(many)) != len(many) {
		t.Error("tokens are missing")
	}
}
