package content

import (
	"context"
	"errors"
	"syscall"

	"phlb/engine/store"
)

// TooManyFiles reports whether an error says that this process, or all of them, have too
// many files open. It says nothing about the file that was to be opened.
func TooManyFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// IsTrouble reports whether an error of writing an entry is trouble that the next
// entry would meet as well: with the file system that is written to, with this
// process, or because it was told to stop. Others are errors of that entry alone,
// such as a name that the file system does not take.
func IsTrouble(err error) bool {
	if store.IsFull(err) || TooManyFiles(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	for _, lasting := range []syscall.Errno{
		syscall.EROFS, syscall.EIO, syscall.ESTALE, syscall.ENODEV, syscall.ENOTCONN,
		syscall.ENOMEM,
	} {
		if errors.Is(err, lasting) {
			return true
		}
	}
	return false
}
