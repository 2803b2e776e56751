package runtime

import "github.com/agnivade/levenshtein"

// Nearest returns the candidate that name is most likely a misspelling of, ""
// if none is close.
func Nearest(name string, candidates []string) string {
	best, limit := "", 1+len(name)/4
	for _, c := range candidates {
		if d := levenshtein.ComputeDistance(name, c); d <= limit {
			best, limit = c, d-1 // the first of equals stays
		}
	}
	return best
}
