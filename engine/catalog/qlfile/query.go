package qlfile

import (
	"context"
	"errors"
	"os"

	"modernc.org/ql"
)

// Query asks QL, see [File.Query].
type Query struct {
	ctx context.Context
	db  *database
	dir string
}

// Run runs statements. What is wrong with them is said in the words of QL.
func (q *Query) Run(list ql.List, args ...any) (sets []ql.Recordset, err error) {
	err = q.db.pages.guard(nil, func() (err error) {
		sets, _, err = q.db.ql.Execute(nil, list, args...)
		return q.db.unread(err)
	})
	return sets, q.Cause(err)
}

// errEnough ends QL's work on a result of which no more is wanted. Without an error,
// QL goes on with the next row of a join.
var errEnough = errors.New("no more rows are wanted")

// Each calls f with every row of a result until f returns false or an error. A
// panic of f goes on.
func (q *Query) Each(set ql.Recordset, f func(row []any) (bool, error)) error {
	outside := false
	err := q.db.pages.guard(&outside, func() error {
		return set.Do(false, func(row []any) (more bool, err error) {
			outside = true
			more, err = f(row)
			outside = false
			if err == nil && !more {
				err = errEnough
			}
			return more, err
		})
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return q.Cause(q.db.unread(err))
}

// Cause returns the error of the context where that is what ended the query.
func (q *Query) Cause(err error) error {
	if err != nil && q.ctx.Err() != nil {
		return q.ctx.Err()
	}
	return err
}

// Close ends the query.
func (q *Query) Close() error {
	var err error
	if q.db != nil {
		err = q.db.close()
	}
	return errors.Join(err, os.RemoveAll(q.dir))
}
