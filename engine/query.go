package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"phlb/engine/catalog/ask/statement"
	"phlb/engine/memory"
)

// Answer is what the catalog says to a question.
type Answer struct {
	Columns []string
	All     iter.Seq2[[]any, error] // the rows, once; an error ends them
	close   func() error
}

// Close ends the answer, also where not all rows were asked for.
func (a *Answer) Close() error { return a.close() }

// Query asks the catalog one statement of SQL that reads. Parameters and values are
// those of [ask.Session.Query]; what is wrong with the statement is an [*ask.Error].
// The caller closes the answer.
func (e *Engine) Query(ctx context.Context, statement string, args ...any) (*Answer, error) {
	session, err := e.Ask(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := session.Query(ctx, statement, args...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("query: %w", err), session.Close())
	}
	return &Answer{rows.Columns(), rows.All(), func() error { return errors.Join(rows.Close(), session.Close()) }}, nil
}

// QueryQL asks the catalog one statement in the language of its own database, which
// is QL, with the values of $1, $2 and so on. One that is too deep is an [*ask.Error].
func (e *Engine) QueryQL(ctx context.Context, text string, args ...any) (*Answer, error) {
	if err := statement.CheckQL(text); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	root, err := e.repo.OpenRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	ctx, stop := memory.Limit(ctx, e.repo.Env.Memory)
	cat, err := e.repo.OpenToRead(ctx, root)
	if err != nil {
		stop()
		return nil, err
	}
	rows, err := cat.Query(ctx, text, args...)
	if err != nil {
		stop()
		return nil, errors.Join(err, cat.Close())
	}
	return &Answer{rows.Columns(), rows.All(), func() error {
		defer stop()
		return errors.Join(rows.Close(), cat.Close())
	}}, nil
}
