package backup

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"phlb/engine/catalog"
	"phlb/engine/store"
)

// TestLogSummary writes to a disk that is full.
func TestLogSummary(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	r := &run{partial: &store.Partial{Log: full}}
	if err := r.logSummary(&catalog.Snapshot{}); !store.IsFull(err) {
		t.Errorf("error is %v", err)
	}
}

// TestExplain tells what to do where more files would have to be open.
func TestExplain(t *testing.T) {
	err := new(run).explain(t.Context(), &os.PathError{Op: "open", Path: "d", Err: syscall.EMFILE})
	if !errors.Is(err, syscall.EMFILE) || !strings.Contains(err.Error(), "nothing was sealed: allow more open files, as with ulimit -n") {
		t.Errorf("error is %v", err)
	}
}
