package walk

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestEnd ends walks early in every way there is, and looks at what is left:
// the bubble waits for all goroutines, or fails where one hangs.
func TestEnd(t *testing.T) {
	dir := t.TempDir()
	for i := range 4 {
		for j := range 60 { // more folders than may wait
			grow(t, dir, fmt.Sprintf("%d/%d/%d/f", i, j, j))
		}
	}
	broken := errors.New("broken")
	for _, after := range []int32{0, 1, 7, 100, 300} {
		var calls atomic.Int32
		at := func() error {
			if calls.Add(1) > after {
				return broken
			}
			return nil
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		emit := func(*Batch) error { return nil }
		for name, run := range map[string]func() error{
			"Prepare": func() error {
				w := &Walk{Root: dir, Prepare: func(*Batch) error { return at() }}
				return w.Run(t.Context(), emit)
			},
			"Work": func() error {
				w := &Walk{Root: dir, Work: func(context.Context, int, *Batch) error { return at() }}
				return w.Run(t.Context(), emit)
			},
			"Where": func() error {
				w := &Walk{Root: dir}
				w.Where = func(int, *Entry) (bool, error) { return true, at() }
				return w.Run(t.Context(), emit)
			},
			"emit": func() error {
				return (&Walk{Root: dir}).Run(t.Context(), func(*Batch) error { return at() })
			},
			"context": func() error {
				return (&Walk{Root: dir}).Run(ctx, func(*Batch) error {
					if at() != nil {
						cancel(broken)
					}
					return nil
				})
			},
		} {
			if name == "Where" && after > 200 {
				continue // there are not that many files
			}
			t.Run(fmt.Sprint(name, " after ", after), func(t *testing.T) {
				calls.Store(0)
				before := handles(t)
				synctest.Test(t, func(t *testing.T) {
					if err := run(); err != broken {
						t.Errorf("ended with %v", err)
					}
				})
				if after := handles(t); after != before {
					t.Errorf("%d handles were open before, %d after", before, after)
				}
			})
		}
	}
}

// TestEndWhileWorking cancels while a worker is in the middle of a batch.
func TestEndWhileWorking(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir, "a/f", "b/f", "c/f")
	before := handles(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &Walk{Root: dir, Work: func(ctx context.Context, _ int, b *Batch) error {
			if b.Path == "b" {
				cancel()
				<-ctx.Done() // work is told
			}
			return nil
		}}
		var emitted []string
		err := w.Run(ctx, func(b *Batch) error {
			emitted = append(emitted, b.Path)
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		if len(emitted) > 2 {
			t.Errorf("%q were emitted after the end", emitted)
		}
	})
	if after := handles(t); after != before {
		t.Errorf("%d handles were open before, %d after", before, after)
	}
}

func TestCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := (&Walk{Root: t.TempDir()}).Run(ctx, func(*Batch) error {
		t.Error("a batch was emitted")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
