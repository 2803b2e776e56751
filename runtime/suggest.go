package runtime

import "github.com/agnivade/levenshtein"

// Nearest returns the candidate that name is most likely a misspelling of, ""
// if none is close. What differs in more than a letter begins with the same one.
func Nearest(name string, candidates []string) string {
	best, limit := "", 1+len(name)/4
	for _, c := range candidates {
		if d := levenshtein.ComputeDistance(name, c); d <= limit && (d < 2 || c != "" && name[0] == c[0]) {
			best, limit = c, d-1 // the first of equals stays
		}
	}
	return best
}
