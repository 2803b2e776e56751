package engine_test

import (
	"context"
	"fmt"
	"testing"

	"phlb/engine"
)

// TestStopWithContext ends loops by what ends the context with them, as a script does
// that is aborted within one. A loop that has ended must not be called again: that is a
// panic.
func TestStopWithContext(t *testing.T) {
	r := newRepo(t)
	for i := range 300 {
		r.write(fmt.Sprintf("sub%d/f", i), "content")
	}
	s := r.backup()
	for name, loop := range map[string]func(ctx context.Context, stop func()){
		"Scan": func(ctx context.Context, stop func()) {
			for range r.engine().Scan(ctx, engine.Source{Root: r.source}, nil) {
				stop()
				break
			}
		},
		"HashAll": func(ctx context.Context, stop func()) {
			for range r.engine().HashAll(ctx, engine.Source{Root: r.source}, "sha256", nil) {
				stop()
				break
			}
		},
		"Ncdu": func(ctx context.Context, stop func()) {
			lines := 0
			for range r.engine().Ncdu(ctx, s, "") {
				if lines++; lines == 9 { // of the tree
					stop()
					break
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			loop(ctx, stop)
			if ctx.Err() == nil {
				t.Error("there was nothing to loop over")
			}
		})
	}
}
