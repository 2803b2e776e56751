// Package memory says how much memory this process has in use and how much it may have,
// and ends what needs too much: [Limit] does.
//
// It does not promise exact numbers, and it cannot stop a single step that takes all there
// is: memory is looked at now and then.
package memory

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/dustin/go-humanize"
	"modernc.org/libc"
)

// ErrTooMuch says that the answer to a question was ended because of its memory.
var ErrTooMuch = errors.New("the question needs too much memory")

// interval is how often memory is looked at.
const interval = 10 * time.Millisecond

// Exceeded returns the error of what needs more than most bytes.
func Exceeded(most uint64) error {
	return fmt.Errorf("%w: stopped at %s; --limit-memory allows more", ErrTooMuch, humanize.IBytes(most))
}

// InUse returns how many bytes the process has in use: what Go holds, garbage included,
// and what SQLite does.
func InUse() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64() + uint64(libc.MemStat().Bytes)
}

// Limit returns a context that ends with [ErrTooMuch] once the process has more than most
// bytes in use that are not garbage; 0 is no limit. The caller calls stop when the work is
// done.
func Limit(ctx context.Context, most uint64) (_ context.Context, stop func()) {
	if most == 0 {
		return ctx, func() {}
	}
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		var collect time.Time // when garbage is worth collecting again
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			begun := time.Now()
			if InUse() <= most || begun.Before(collect) {
				continue
			}
			runtime.GC()
			collect = time.Now().Add(10 * time.Since(begun)) // to find garbage must not take all the time
			if InUse() > most {
				end(Exceeded(most))
				return
			}
		}
	}()
	return limited{ctx}, func() { end(nil) }
}

// limited is a context that says so itself where memory was the reason for its end.
type limited struct{ context.Context }

// Err returns [ErrTooMuch] where that ended the context.
func (c limited) Err() error {
	if cause := context.Cause(c.Context); errors.Is(cause, ErrTooMuch) {
		return cause
	}
	return c.Context.Err()
}
