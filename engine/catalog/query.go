package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"modernc.org/ql"

	"phlb/engine/catalog/qlfile"
)

// ErrReadOnly says that a query is not one SELECT or EXPLAIN statement.
var ErrReadOnly = errors.New("a query is one SELECT or EXPLAIN statement")

// Rows is the result of a query. Until it is closed, writers of the same
// catalog wait.
type Rows struct {
	ctx       context.Context
	c         *Catalog
	statement *statement
	query     *qlfile.Query
	set       ql.Recordset
	columns   []string
}

// Query runs one statement of QL with the values of $1, $2 and so on. It sees
// the catalog through a database of its own, which can be stopped without harm
// to others: cancelling ctx ends it with the error of ctx, also while QL
// sorts or joins. What is wrong with the statement is a [*StatementError].
//
// What is compared with a column may be a string that stands for a value of the
// column: '2026-11-22', 4GiB, a digest in hexadecimal. See Zone.
func (c *Catalog) Query(ctx context.Context, statement string, args ...any) (*Rows, error) {
	s, err := prepare(statement, args, c.Zone)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	if err := c.rlock(ctx); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	r := &Rows{ctx: ctx, c: c, statement: s}
	if err := r.start(); err != nil {
		r.Close()
		return nil, fmt.Errorf("query: %w", err)
	}
	return r, nil
}

// readOnly looks at the compiled statements, in the form that QL gives them.
// What it lets through is run without a transaction, and so QL refuses what
// writes once more.
func readOnly(list ql.List) bool {
	text := strings.TrimSpace(list.String())
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "SELECT ") && !strings.HasPrefix(line, "EXPLAIN ") {
			return false
		}
	}
	return text != ""
}

func (r *Rows) start() (err error) {
	if r.query, err = r.c.db.Query(r.ctx); err != nil {
		return err
	}
	sets, err := r.query.Run(r.statement.list, r.statement.args...)
	if err != nil {
		return r.statement.explain(err)
	}
	if len(sets) != 1 {
		return ErrReadOnly
	}
	r.set = sets[0]
	columns, err := r.set.Fields()
	if err != nil {
		return r.statement.explain(err)
	}
	r.columns = r.statement.name(columns)
	return nil
}

// Columns returns the names of the columns. One that is computed is called by
// the words that say how.
func (r *Rows) Columns() []string { return r.columns }

// All returns the rows, and closes the result. Values are nil, bool, string,
// []byte, [time.Time], [time.Duration], *[math/big.Int], *[math/big.Rat], or of
// Go's types of numbers. An error ends it.
func (r *Rows) All() iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		defer r.Close()
		if r.query == nil {
			yield(nil, ErrClosed)
			return
		}
		stopped := false
		err := r.query.Each(r.set, func(row []any) (bool, error) {
			if err := cmp.Or(r.ctx.Err(), r.statement.planless(row)); err != nil {
				return false, err
			}
			stopped = !yield(row, nil)
			return !stopped, nil
		})
		if err != nil && !stopped { // a context that ended meanwhile is not news any more
			yield(nil, fmt.Errorf("query: %w", r.statement.explainLate(err)))
		}
	}
}

// Close ends the result. Closing it twice does nothing.
func (r *Rows) Close() error {
	if r.c == nil {
		return nil
	}
	var err error
	if r.query != nil {
		err = r.query.Close()
	}
	r.c.mu.RUnlock()
	r.c, r.query = nil, nil
	return err
}

// Reader returns what the catalog holds now, for who reads its rows without QL. It
// outlives the catalog, until that is published. The caller closes it.
func (c *Catalog) Reader(ctx context.Context) (*qlfile.Reader, error) {
	if err := c.rlock(ctx); err != nil {
		return nil, fmt.Errorf("read the catalog: %w", err)
	}
	defer c.mu.RUnlock()
	reader, err := c.db.Reader()
	if err != nil {
		return nil, fmt.Errorf("read the catalog: %w", err)
	}
	return reader, nil
}
