package nt

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Names are opened relative to the handle of a directory by the calls below those
// of Win32, which take every name that the file system holds: CON, names that end
// in a point or a space, and paths of any length. Nothing follows a link.

// forAll lets others read, write, rename and remove what we have open.
const forAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE

// Request says how something is opened.
type Request struct {
	Access      uint32
	Disposition uint32 // 0 for FILE_OPEN
	Options     uint32
}

// Open opens what is called name in dir, and with "" or "." the same as dir
// itself, anew.
func Open(dir windows.Handle, name string, r Request) (windows.Handle, error) {
	Privileges()
	if name == "." {
		name = ""
	}
	// A name with a colon is that of a stream of another file.
	if name == ".." || strings.ContainsAny(name, `/\:`) {
		return 0, windows.ERROR_INVALID_NAME
	}
	return OpenStream(dir, name, r)
}

// OpenStream is [Open] for names that may be those of streams.
func OpenStream(dir windows.Handle, name string, r Request) (h windows.Handle, err error) {
	text, err := windows.NewNTUnicodeString(name)
	if err != nil {
		return 0, windows.ERROR_INVALID_NAME
	}
	if r.Disposition == 0 {
		r.Disposition = windows.FILE_OPEN
	}
	object := &windows.OBJECT_ATTRIBUTES{RootDirectory: dir, ObjectName: text, Attributes: windows.OBJ_CASE_INSENSITIVE}
	object.Length = uint32(unsafe.Sizeof(*object))
	err = windows.NtCreateFile(&h, r.Access|windows.SYNCHRONIZE, object, new(windows.IO_STATUS_BLOCK), nil, 0, forAll,
		r.Disposition, r.Options|windows.FILE_SYNCHRONOUS_IO_NONALERT|windows.FILE_OPEN_FOR_BACKUP_INTENT, 0, 0)
	return h, plain(err)
}

// plain returns the error of Win32 that a status stands for, or where package
// syscall has one of POSIX that callers ask for, that one.
func plain(err error) error {
	if status, ok := err.(windows.NTStatus); ok {
		err = status.Errno()
	}
	switch err {
	case windows.ERROR_NOT_SAME_DEVICE:
		return syscall.EXDEV
	case windows.ERROR_TOO_MANY_OPEN_FILES, windows.ERROR_NO_SYSTEM_RESOURCES:
		return syscall.EMFILE
	case windows.ERROR_FILENAME_EXCED_RANGE:
		return syscall.ENAMETOOLONG
	case windows.ERROR_DIRECTORY:
		return syscall.ENOTDIR
	}
	return err
}

// IsUnknown reports whether a call is not to be had: of an older Windows, or a
// file system that is not NTFS.
func IsUnknown(err error) bool {
	switch err {
	case windows.ERROR_INVALID_PARAMETER, windows.ERROR_INVALID_FUNCTION, windows.ERROR_NOT_SUPPORTED, windows.ERROR_CALL_NOT_IMPLEMENTED,
		windows.ERROR_INVALID_LEVEL:
		return true
	}
	return false
}

// Patiently calls f again for a second where another program has the file open
// in a way that forbids it: scanners for viruses and indexers do so for moments.
func Patiently(f func() error) error {
	return patiently(f, windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_DELETE_PENDING)
}

func patiently(f func() error, forbidden ...error) error {
	const tries, pause = 20, 50 * time.Millisecond
	for n := 1; ; n++ {
		err := f()
		if n == tries || !slices.ContainsFunc(forbidden, func(e error) bool { return errors.Is(err, e) }) {
			return err
		}
		time.Sleep(pause)
	}
}

// Privileges takes those that an administrator has for making backups, once.
var Privileges = sync.OnceFunc(func() {
	var token windows.Token
	if windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_ADJUST_PRIVILEGES, &token) != nil {
		return
	}
	defer token.Close()
	for _, name := range []string{"SeBackupPrivilege", "SeRestorePrivilege", "SeCreateSymbolicLinkPrivilege"} {
		text, err := windows.UTF16PtrFromString(name)
		if err != nil {
			continue
		}
		p := windows.Tokenprivileges{PrivilegeCount: 1}
		p.Privileges[0].Attributes = windows.SE_PRIVILEGE_ENABLED
		if windows.LookupPrivilegeValue(nil, text, &p.Privileges[0].Luid) == nil {
			windows.AdjustTokenPrivileges(token, false, &p, 0, nil, nil) // where we have it not, nothing changes
		}
	}
})

// RequestOf returns the request for a regular file that flags of package os stand for,
// but for O_TRUNC.
func RequestOf(flags int) Request {
	r := Request{Options: windows.FILE_NON_DIRECTORY_FILE}
	switch flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR) {
	case os.O_RDONLY:
		r.Access = windows.FILE_GENERIC_READ
	case os.O_WRONLY:
		r.Access = windows.FILE_GENERIC_WRITE | windows.FILE_READ_ATTRIBUTES
	case os.O_RDWR:
		r.Access = windows.FILE_GENERIC_READ | windows.FILE_GENERIC_WRITE
	}
	if flags&os.O_APPEND != 0 {
		r.Access &^= windows.FILE_WRITE_DATA
	}
	switch {
	case flags&os.O_CREATE != 0 && flags&os.O_EXCL != 0:
		r.Disposition = windows.FILE_CREATE
	case flags&os.O_CREATE != 0:
		r.Disposition = windows.FILE_OPEN_IF
	}
	return r
}
