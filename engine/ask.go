package engine

import (
	"context"
	"time"

	"phlb/engine/catalog/ask"
	"phlb/engine/catalog/qlfile"
	"phlb/engine/moment"
)

// Ask begins a session of questions in SQL, about what the catalog holds now. The
// caller closes it.
func (e *Engine) Ask(ctx context.Context) (*ask.Session, error) {
	reader, err := e.reader(ctx)
	if err != nil {
		return nil, err
	}
	now := e.repo.Env.Present
	if now.IsZero() {
		now = e.repo.Env.Now()
	}
	return ask.Open(reader, ask.Options{
		Now: now, Zone: now.Location(),
		Moment: func(text string) (time.Time, error) { return moment.Parse(text, now) },
		Memory: e.repo.Env.Memory,
	})
}

// reader returns what the catalog holds now.
func (e *Engine) reader(ctx context.Context) (*qlfile.Reader, error) {
	_, cat, done, err := e.repo.OpenRootToRead(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return cat.Reader(ctx)
}
