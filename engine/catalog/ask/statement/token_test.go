package statement

import (
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
		Of(s).Misunderstood()
		Of(s).Several([]string{"a", "c"})
	})
}
