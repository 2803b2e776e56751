package runtime

// Nearest returns the candidate that name is most likely a misspelling of, ""
// if none is close.
func Nearest(name string, candidates []string) string {
	best, limit := "", 1+len(name)/4
	for _, c := range candidates {
		if d := distance(name, c); d <= limit {
			best, limit = c, d-1 // the first of equals stays
		}
	}
	return best
}

// distance is the number of bytes to insert, delete, replace or swap with
// their neighbour to get from a to b.
func distance(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
