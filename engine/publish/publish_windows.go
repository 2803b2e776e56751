package publish

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"

	"phlb/engine/handle"
)

// Rename moves a file to a name in the same file system, in place of the file that
// has that name. While a program reads that file, two things are needed for it: the
// program has opened the file so that others may delete it, as [Open] does and
// [os.Open] does not; and the rename asks for the semantics of POSIX, as
// [handle.Writer.Rename] does and [os.Rename] does not. See
// https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/ns-ntifs-_file_rename_information
//
// NTFS has those semantics since Windows 10. On FAT, and on most network drives, no
// file that is open is replaced. There, and where a scanner for viruses has the file
// open in its own way, the rename is tried for a second.
func Rename(old, new string) error {
	from, err := handle.OpenWriter(filepath.Dir(old))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := handle.OpenWriter(filepath.Dir(new))
	if err != nil {
		return err
	}
	defer to.Close()
	if err := from.Rename(filepath.Base(old), to, filepath.Base(new)); err != nil {
		return &os.LinkError{Op: "rename", Old: old, New: new, Err: errors.Unwrap(err)}
	}
	return nil
}

// Open opens a file for reading. [Rename] replaces it meanwhile.
func Open(path string, _ int) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// WriteFile is [os.WriteFile] in a single step: whatever fails, the file is the old
// one or the new one, and whole. Who may read it is said by the folder.
func WriteFile(path string, data []byte, _ fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // does nothing after success
	_, err = f.Write(data)
	// Without this a power loss could leave an empty file under the final name.
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return Rename(f.Name(), path)
}
