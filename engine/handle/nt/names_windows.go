package nt

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

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
	err := Set(h, windows.FileDispositionInformationEx, uint32(windows.FILE_DISPOSITION_DELETE|
		windows.FILE_DISPOSITION_POSIX_SEMANTICS|windows.FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE))
	if !IsUnknown(err) {
		return err
	}
	// What is read-only cannot be removed otherwise. Its other names are so too,
	// and get it back.
	basic, err := Information[BasicInfo](h, windows.FileBasicInfo)
	if err != nil || basic.Attributes&windows.FILE_ATTRIBUTE_READONLY == 0 {
		return Set(h, windows.FileDispositionInformation, byte(1))
	}
	writable := BasicInfo{Attributes: basic.Attributes&^windows.FILE_ATTRIBUTE_READONLY | windows.FILE_ATTRIBUTE_NORMAL} // zero would change nothing
	if err := Set(h, windows.FileBasicInformation, writable); err != nil {
		return err
	}
	err = Set(h, windows.FileDispositionInformation, byte(1))
	Set(h, windows.FileBasicInformation, BasicInfo{Attributes: basic.Attributes}) // the name is on its way out
	return err
}

// rename gives what is open another name, in place of what has that.
func rename(h windows.Handle, to windows.Handle, name string, replace bool) error {
	flags := uint32(windows.FILE_RENAME_POSIX_SEMANTICS)
	if replace {
		flags |= windows.FILE_RENAME_REPLACE_IF_EXISTS | windows.FILE_RENAME_IGNORE_READONLY_ATTRIBUTE
	}
	err := setName(h, fileRenameInformationEx, flags, to, name)
	if IsUnknown(err) {
		err = setName(h, windows.FileRenameInformation, flags&windows.FILE_RENAME_REPLACE_IF_EXISTS, to, name)
	}
	return err
}

const toChange = windows.DELETE | windows.FILE_READ_ATTRIBUTES | windows.FILE_WRITE_ATTRIBUTES

// Link gives the file called old in from another name in a directory, which must be
// free.
func Link(from windows.Handle, old string, to windows.Handle, name string) error {
	return change(from, old, windows.FILE_WRITE_ATTRIBUTES, windows.FILE_NON_DIRECTORY_FILE, func(h windows.Handle) error {
		return setName(h, fileLinkInformation, 0, to, name)
	})
}

// Move moves what is called old in from to a name in a directory, in a single step,
// and in place of what has that name if it is to replace it.
func Move(from windows.Handle, old string, to windows.Handle, name string, replace bool) error {
	return change(from, old, windows.DELETE|windows.FILE_READ_ATTRIBUTES, 0, func(h windows.Handle) error {
		// That is also said where another program has open what is to be replaced, or
		// a file in the directory that is to be moved.
		return patiently(func() error { return rename(h, to, name, replace) }, windows.ERROR_ACCESS_DENIED)
	})
}

// RemoveFile removes the name of what is no directory.
func RemoveFile(dir windows.Handle, name string) error {
	return change(dir, name, toChange, 0, func(h windows.Handle) error {
		if own, err := Look(h); err != nil {
			return err
		} else if own.Type == fs.ModeDir {
			return errIsDir
		}
		return remove(h)
	})
}

var errIsDir = errors.New("is a directory")

// RemoveDir removes the directory called name, which must be empty.
func RemoveDir(dir windows.Handle, name string) error {
	return change(dir, name, toChange, windows.FILE_DIRECTORY_FILE, remove)
}

// change opens what is called name, and does something to it by its handle.
func change(dir windows.Handle, name string, access, options uint32, do func(windows.Handle) error) error {
	return Patiently(func() error {
		h, err := Open(dir, name, Request{Access: access, Options: options | windows.FILE_OPEN_REPARSE_POINT})
		if err != nil {
			return err
		}
		defer windows.CloseHandle(h)
		return do(h)
	})
}
