package engine

import (
	"context"

	"phlb/engine/catalog"
)

// Query asks the catalog a read-only QL statement. The caller must close the
// rows, and then call done.
func (e *Engine) Query(ctx context.Context, statement string, args ...any) (rows *catalog.Rows, done func() error, err error) {
	root, err := e.repo.OpenRoot()
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	cat, err := e.repo.OpenToRead(ctx, root)
	if err != nil {
		return nil, nil, err
	}
	cat.Zone = e.repo.Env.Now().Location()
	rows, err = cat.Query(ctx, statement, args...)
	if err != nil {
		cat.Close()
		return nil, nil, err
	}
	return rows, cat.Close, nil
}
