package nt

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// Reparse returns the data of the reparse point called name in dir.
func Reparse(dir windows.Handle, name string) ([]byte, error) {
	h, err := Open(dir, name, Request{Access: windows.FILE_READ_ATTRIBUTES, Options: windows.FILE_OPEN_REPARSE_POINT})
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(h)
	buf := make([]byte, windows.MAXIMUM_REPARSE_DATA_BUFFER_SIZE)
	var n uint32
	err = windows.DeviceIoControl(h, windows.FSCTL_GET_REPARSE_POINT, nil, 0, &buf[0], uint32(len(buf)), &n, nil)
	return buf[:n], err
}

// MakeReparse makes the reparse point called name in dir, of such data.
func MakeReparse(dir windows.Handle, name string, isDir bool, data []byte) error {
	if len(data) < reparseHead {
		return windows.ERROR_INVALID_REPARSE_DATA
	}
	r := Request{Access: windows.FILE_WRITE_ATTRIBUTES | windows.DELETE, Disposition: windows.FILE_CREATE, Options: windows.FILE_OPEN_REPARSE_POINT | windows.FILE_NON_DIRECTORY_FILE}
	if isDir {
		r.Options = windows.FILE_OPEN_REPARSE_POINT | windows.FILE_DIRECTORY_FILE
	}
	h, err := Open(dir, name, r)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	var n uint32
	err = windows.DeviceIoControl(h, windows.FSCTL_SET_REPARSE_POINT, &data[0], uint32(len(data)), nil, 0, &n, nil)
	if err != nil {
		remove(h) // a file or directory that is none of ours
	}
	return err
}

// FinalPath returns where an open directory lies.
func FinalPath(h windows.Handle) (string, error) {
	buf := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetFinalPathNameByHandle(h, unsafe.SliceData(buf), uint32(len(buf)), 0)
	if err != nil || int(n) > len(buf) {
		return "", err
	}
	return windows.UTF16ToString(buf[:n]), nil
}
