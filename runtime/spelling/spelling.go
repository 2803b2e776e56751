// Package spelling finds what somebody may have meant. It knows no dictionary: it
// compares a word with those that there are, and tells nothing where none is close.
package spelling

import (
	"slices"

	"github.com/agnivade/levenshtein"
)

// Nearest returns the candidate that name is most likely a misspelling of, ""
// if none is close. What differs in more than a letter begins with the same
// one, and where it is short, has its letters in another order.
func Nearest(name string, candidates []string) string {
	best, limit := "", 1+len(name)/4
	for _, c := range candidates {
		d := levenshtein.ComputeDistance(name, c)
		if d > limit || d > 1 && (c == "" || name[0] != c[0] || len(name) < 6 && letters(name) != letters(c)) {
			continue
		}
		best, limit = c, d-1 // the first of equals stays
	}
	return best
}

// letters returns them in order.
func letters(name string) string {
	b := []byte(name)
	slices.Sort(b)
	return string(b)
}
