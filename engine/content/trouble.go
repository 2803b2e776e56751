package content

import (
	"context"
	"errors"
	"syscall"

	"phlb/engine/store"
)

// IsTrouble reports whether an error of writing an entry is trouble that the next
// entry would meet as well: with the file system that is written to, with this
// process, or because it was told to stop. Others are errors of that entry alone,
// such as a name that the file system does not take.
func IsTrouble(err error) bool {
	if store.IsFull(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	for _, lasting := range []syscall.Errno{
		syscall.EROFS, syscall.EIO, syscall.ESTALE, syscall.ENODEV, syscall.ENOTCONN,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
	} {
		if errors.Is(err, lasting) {
			return true
		}
	}
	return false
}
