package repository

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

// An error about a catalog that was reached through a handle names its path.
func TestNamed(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("publish: %w", &fs.PathError{Op: "write", Path: "/proc/self/fd/12/catalog.ql.tmp-1/x", Err: syscall.ENOSPC})
	if got, want := named(err, "/root/.phlb/catalog.ql").Error(), "publish: write /root/.phlb/catalog.ql.tmp-1/x: no space left on device"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	at, ok := errors.AsType[*fs.PathError](named(err, "/root/.phlb/catalog.ql"))
	if !ok || at.Path != "/root/.phlb/catalog.ql.tmp-1/x" || at.Err != syscall.ENOSPC {
		t.Errorf("the path error is %+v", at)
	}
	if named(nil, "x") != nil {
		t.Error("nothing has become an error")
	}
}
