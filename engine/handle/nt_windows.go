package handle

import (
	"errors"
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

// request says how something is opened.
type request struct {
	access      uint32
	disposition uint32 // 0 for FILE_OPEN
	options     uint32
}

// open opens what is called name in dir, and with "" or "." the same as dir
// itself, anew.
func open(dir windows.Handle, name string, r request) (windows.Handle, error) {
	privileges()
	if name == "." {
		name = ""
	}
	// A name with a colon is that of a stream of another file.
	if name == ".." || strings.ContainsAny(name, `/\:`) {
		return 0, windows.ERROR_INVALID_NAME
	}
	return openStream(dir, name, r)
}

// openStream is open for names that may be those of streams.
func openStream(dir windows.Handle, name string, r request) (h windows.Handle, err error) {
	text, err := windows.NewNTUnicodeString(name)
	if err != nil {
		return 0, windows.ERROR_INVALID_NAME
	}
	if r.disposition == 0 {
		r.disposition = windows.FILE_OPEN
	}
	object := &windows.OBJECT_ATTRIBUTES{RootDirectory: dir, ObjectName: text, Attributes: windows.OBJ_CASE_INSENSITIVE}
	object.Length = uint32(unsafe.Sizeof(*object))
	err = windows.NtCreateFile(&h, r.access|windows.SYNCHRONIZE, object, new(windows.IO_STATUS_BLOCK), nil, 0, forAll,
		r.disposition, r.options|windows.FILE_SYNCHRONOUS_IO_NONALERT|windows.FILE_OPEN_FOR_BACKUP_INTENT, 0, 0)
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

// isUnknown reports whether a call is not to be had: of an older Windows, or a
// file system that is not NTFS.
func isUnknown(err error) bool {
	switch err {
	case windows.ERROR_INVALID_PARAMETER, windows.ERROR_INVALID_FUNCTION, windows.ERROR_NOT_SUPPORTED, windows.ERROR_CALL_NOT_IMPLEMENTED,
		windows.ERROR_INVALID_LEVEL:
		return true
	}
	return false
}

// patiently calls f again for a second where another program has the file open
// in a way that forbids it: scanners for viruses and indexers do so for moments.
func patiently(f func() error) error {
	const tries, pause = 20, 50 * time.Millisecond
	for n := 1; ; n++ {
		err := f()
		if n == tries || !errors.Is(err, windows.ERROR_SHARING_VIOLATION) && !errors.Is(err, windows.ERROR_LOCK_VIOLATION) &&
			!errors.Is(err, windows.ERROR_DELETE_PENDING) {
			return err
		}
		time.Sleep(pause)
	}
}

// privileges takes those that an administrator has for making backups, once.
var privileges = sync.OnceFunc(func() {
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

// information is what GetFileInformationByHandleEx can be asked for.
func information[T any](h windows.Handle, class uint32) (found T, err error) {
	err = windows.GetFileInformationByHandleEx(h, class, (*byte)(unsafe.Pointer(&found)), uint32(unsafe.Sizeof(found)))
	return found, err
}

// set is the counterpart of information, by the classes of NtSetInformationFile.
func set[T any](h windows.Handle, class uint32, to T) error {
	return plain(windows.NtSetInformationFile(h, new(windows.IO_STATUS_BLOCK), (*byte)(unsafe.Pointer(&to)), uint32(unsafe.Sizeof(to)), class))
}

// The classes of NtSetInformationFile that package windows does not name; what it
// calls FileLinkInformation is another.
const (
	fileLinkInformation     = 11
	fileRenameInformationEx = 65
)

// setName moves or links what is open to a name in a directory.
func setName(h windows.Handle, class, flags uint32, to windows.Handle, name string) error {
	text, err := windows.UTF16FromString(name)
	if err != nil || name == "" || strings.ContainsAny(name, `/\:`) {
		return windows.ERROR_INVALID_NAME
	}
	text = text[:len(text)-1]
	const longest = 255 // of NTFS and every other
	info := struct {
		flags  uint32
		dir    windows.Handle
		length uint32
		name   [longest]uint16
	}{flags, to, uint32(2 * len(text)), [longest]uint16{}}
	if copy(info.name[:], text) < len(text) {
		return syscall.ENAMETOOLONG
	}
	// The least is that of the structure with a name of one letter, and its end.
	size := max(unsafe.Offsetof(info.name)+uintptr(info.length), unsafe.Offsetof(info.name)+unsafe.Alignof(info))
	return plain(windows.NtSetInformationFile(h, new(windows.IO_STATUS_BLOCK), (*byte)(unsafe.Pointer(&info)), uint32(size), class))
}

// remove takes the name from what is open for it, also while others have it open.
func remove(h windows.Handle) error {
	err := set(h, windows.FileDispositionInformationEx, uint32(windows.FILE_DISPOSITION_DELETE|
		windows.FILE_DISPOSITION_POSIX_SEMANTICS|windows.FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE))
	if !isUnknown(err) {
		return err
	}
	// What is read-only cannot be removed otherwise. Its other names are so too,
	// and get it back.
	basic, err := information[basicInfo](h, windows.FileBasicInfo)
	if err != nil || basic.Attributes&windows.FILE_ATTRIBUTE_READONLY == 0 {
		return set(h, windows.FileDispositionInformation, byte(1))
	}
	writable := basicInfo{Attributes: basic.Attributes&^windows.FILE_ATTRIBUTE_READONLY | windows.FILE_ATTRIBUTE_NORMAL} // zero would change nothing
	if err := set(h, windows.FileBasicInformation, writable); err != nil {
		return err
	}
	err = set(h, windows.FileDispositionInformation, byte(1))
	set(h, windows.FileBasicInformation, basicInfo{Attributes: basic.Attributes}) // the name is on its way out
	return err
}

// rename gives what is open another name, in place of what has that.
func rename(h windows.Handle, to windows.Handle, name string, replace bool) error {
	flags := uint32(windows.FILE_RENAME_POSIX_SEMANTICS)
	if replace {
		flags |= windows.FILE_RENAME_REPLACE_IF_EXISTS | windows.FILE_RENAME_IGNORE_READONLY_ATTRIBUTE
	}
	err := setName(h, fileRenameInformationEx, flags, to, name)
	if isUnknown(err) {
		err = setName(h, windows.FileRenameInformation, flags&windows.FILE_RENAME_REPLACE_IF_EXISTS, to, name)
	}
	return err
}
