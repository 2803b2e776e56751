package memory_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"testing"

	"phlb/engine/memory"
)

// TestLimit fills memory until a context ends, with what is kept and with garbage.
func TestLimit(t *testing.T) {
	t.Run("Kept", func(t *testing.T) {
		ctx, stop := memory.Limit(t.Context(), memory.InUse()+64<<20)
		defer stop()
		var kept [][]byte
		for ctx.Err() == nil && len(kept) < 256 {
			kept = append(kept, make([]byte, 1<<20))
			runtime.Gosched()
		}
		<-ctx.Done()
		if err := ctx.Err(); !errors.Is(err, memory.ErrTooMuch) || errors.Is(err, context.Canceled) {
			t.Errorf("with %d MiB the context ended with %v", len(kept), err)
		}
		below, cancel := context.WithCancel(ctx)
		defer cancel()
		if err := below.Err(); !errors.Is(err, memory.ErrTooMuch) {
			t.Errorf("a context below it ended with %v", err)
		}
		runtime.KeepAlive(kept)
	})
	t.Run("Garbage", func(t *testing.T) {
		defer debug.SetGCPercent(debug.SetGCPercent(-1)) // so that nobody else collects it
		most := memory.InUse() + 64<<20
		ctx, stop := memory.Limit(t.Context(), most)
		for range 256 {
			runtime.KeepAlive(make([]byte, 1<<20))
		}
		for memory.InUse() > most && ctx.Err() == nil {
			runtime.Gosched()
		}
		if err := ctx.Err(); err != nil {
			t.Errorf("garbage ended the context with %v", err)
		}
		stop()
		if err := ctx.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("after its end the context has %v", err)
		}
	})
	t.Run("None", func(t *testing.T) {
		ctx, stop := memory.Limit(t.Context(), 0)
		stop()
		if err := ctx.Err(); err != nil {
			t.Errorf("without a limit the context has %v", err)
		}
	})
}
