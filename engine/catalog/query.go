package catalog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"modernc.org/ql"

	"phlb/engine/catalog/qlfile"
)

var (
	// ErrStatement says that QL refuses a statement, for the reason behind it.
	ErrStatement = errors.New("QL says of the statement")
	// ErrReadOnly says that a query is not one SELECT or EXPLAIN statement.
	ErrReadOnly = errors.New("a query is one SELECT or EXPLAIN statement, and nothing is changed")
)

// Rows is the result of a query. Until it is closed, writers of the same
// catalog wait.
type Rows struct {
	ctx     context.Context
	c       *Catalog
	query   *qlfile.Query
	set     ql.Recordset
	columns []string
}

// Query runs one statement of QL with the values of $1, $2 and so on. What is wrong
// with the statement is said in the words of QL. It sees the catalog through a
// database of its own, which can be stopped without harm to others: cancelling
// ctx ends it with the error of ctx, also while QL sorts or joins.
func (c *Catalog) Query(ctx context.Context, statement string, args ...any) (_ *Rows, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("query: %w", err)
		}
	}()
	list, err := ql.Compile(statement)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if !readOnly(list) {
		return nil, ErrReadOnly
	}
	args = slices.Clone(args)
	for i, v := range args {
		if n, ok := v.(int); ok {
			args[i] = int64(n) // the type of all columns of numbers; QL converts none
		}
	}
	if err := c.rlock(ctx); err != nil {
		return nil, err
	}
	r := &Rows{ctx: ctx, c: c}
	if err := r.start(list, args); err != nil {
		r.Close()
		return nil, err
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

func (r *Rows) start(list ql.List, args []any) (err error) {
	if r.query, err = r.c.file.Query(r.ctx); err != nil {
		return err
	}
	sets, err := r.query.Run(list, args...)
	if err != nil && r.ctx.Err() == nil && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if err != nil {
		return err
	}
	if len(sets) != 1 {
		return ErrReadOnly
	}
	r.set = sets[0]
	r.columns, err = r.set.Fields()
	return err
}

// Columns returns the names of the columns. One that is computed has none.
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
			if err := r.ctx.Err(); err != nil {
				return false, err
			}
			stopped = !yield(row, nil)
			return !stopped, nil
		})
		if err != nil && !stopped { // a context that ended meanwhile is not news any more
			yield(nil, fmt.Errorf("query: %w", err))
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
	reader, err := c.file.Reader()
	if err != nil {
		return nil, fmt.Errorf("read the catalog: %w", err)
	}
	return reader, nil
}
