// Package computed makes the rows that questions get and no catalog has: what
// differs in two snapshots, which contents there are, and what each snapshot
// brought. Each is computed from one look at all versions or, where that would take
// too much memory, from several.
//
// It knows neither SQL nor how rows are shown: package ask makes tables of them.
package computed

// Rows are some that were computed, to be read by their number.
type Rows struct {
	Count int
	Value func(row, column int) any
}

// Next computes more rows, and returns none where there are no more.
type Next func() (Rows, error)

// Once returns rows that are all there are.
func Once(rows Rows) Next {
	return func() (Rows, error) {
		all := rows
		rows = Rows{}
		return all, nil
	}
}
