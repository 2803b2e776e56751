package metrics

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"phlb/engine"
)

// TestRunWriteAtOnce has many runs end at the same time: none loses what another
// one has written.
func TestRunWriteAtOnce(t *testing.T) {
	t.Parallel()
	const runs = 12
	path := filepath.Join(t.TempDir(), "phlb.prom")
	began := time.Unix(1_700_000_000, 0)
	for round := range 5 {
		var all sync.WaitGroup
		failed := make([]error, runs)
		for i := range runs {
			all.Go(func() {
				s := &engine.Snapshot{}
				s.Started = began
				r := Run{Ended: began, Checked: map[string]*engine.Snapshot{fmt.Sprintf("%d of round %d", i, round): s}}
				failed[i] = r.Write(path)
			})
		}
		all.Wait()
		if err := errors.Join(failed...); err != nil {
			t.Fatal(err)
		}
		known, err := readSamples(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(known[lastSuccess]), (round+1)*runs; got != want {
			t.Fatalf("after round %d there are %d names, want %d", round, got, want)
		}
	}
}

// Names with anything in them are read as they were written.
func TestSamples(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "phlb.prom")
	odd := "a \"b\" \\n c\nd"
	r := Run{ExitCode: 5, Checked: map[string]*engine.Snapshot{odd: {}, "none": nil}}
	for range 2 {
		if err := r.Write(path); err != nil {
			t.Fatal(err)
		}
	}
	known, err := readSamples(path)
	if _, ok := known[lastSuccess][odd]; !ok || err != nil || len(known[lastSuccess]) != 1 {
		t.Errorf("read %v, %v", known, err)
	}
}
