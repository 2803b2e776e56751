package nt

import (
	"errors"
	"io/fs"
	"testing"

	"golang.org/x/sys/windows"
)

func TestPatiently(t *testing.T) {
	t.Parallel()
	calls := 0
	err := patiently(func() error {
		if calls++; calls < 3 {
			return &fs.PathError{Err: windows.ERROR_ACCESS_DENIED}
		}
		return nil
	}, windows.ERROR_ACCESS_DENIED)
	if err != nil || calls != 3 {
		t.Errorf("%d calls, %v; want a third one that succeeds", calls, err)
	}
	for want, forbidden := range map[int]error{1: windows.ERROR_DISK_FULL, 20: windows.ERROR_SHARING_VIOLATION} {
		calls = 0
		if err := Patiently(func() error { calls++; return forbidden }); !errors.Is(err, forbidden) || calls != want {
			t.Errorf("%d calls, %v; want %d", calls, err, want)
		}
	}
}
