package lock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/windows"

	"phlb/engine/handle/nt"
)

// TryFolder takes a lock of the folder at path, and reports whether it could; the lock
// ends with Close and with the process. The error is [errors.ErrUnsupported] for a folder
// on another machine, and where the file system does not tell folders apart.
//
// Windows locks no folders. A named object of the kernel stands for the folder: it is
// there as long as a process has it open.
func TryFolder(path string) (io.Closer, bool, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer dir.Close()
	h := windows.Handle(dir.Fd())
	if final, err := nt.FinalPath(h); err != nil || strings.HasPrefix(final, `\\?\UNC\`) {
		return nil, false, errors.Join(errors.ErrUnsupported, err)
	}
	volume, id := nt.Identity(h)
	if id == 0 {
		return nil, false, errors.ErrUnsupported
	}
	name, err := windows.UTF16PtrFromString(fmt.Sprintf(`Global\phlb-folder-%016x-%016x`, volume, id))
	if err != nil {
		return nil, false, err
	}
	object, err := windows.CreateMutex(nil, false, name)
	switch err {
	case nil:
		return closer(object), true, nil
	case windows.ERROR_ALREADY_EXISTS:
		windows.CloseHandle(object)
		return nil, false, nil
	case windows.ERROR_ACCESS_DENIED: // another user has it
		return nil, false, nil
	}
	return nil, false, failed("lock", dir, err)
}

type closer windows.Handle

// Close closes the handle.
func (c closer) Close() error { return windows.CloseHandle(windows.Handle(c)) }
