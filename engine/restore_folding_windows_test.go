package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

// folding returns a folder that takes names for one that differ in case only.
func folding(t testing.TB) string { return t.TempDir() }

// writeApart is write for names that differ in case alone, or it skips.
func (r *repo) writeApart(pairs ...string) {
	r.Helper()
	defer func(source string) { r.source = source }(r.source)
	r.source = unixPath(r.source)
	r.tellApart(r.source)
	for i := 0; i < len(pairs); i += 2 {
		at := r.source
		names := strings.Split(pairs[i], "/")
		for _, name := range names[:len(names)-1] {
			at = filepath.Join(at, name)
			if err := os.Mkdir(at, 0o755); err == nil {
				r.tellApart(at)
			}
		}
		if _, err := os.Lstat(r.in(pairs[i])); err == nil {
			r.Skip("needs folders that tell names apart by their case")
		}
		r.write(pairs[i], pairs[i+1])
	}
}

// tellApart has an empty folder tell names apart by their case, as those of WSL do, if
// it can.
func (r *repo) tellApart(path string) {
	r.Helper()
	name, err := windows.UTF16PtrFromString(path)
	r.must(err)
	h, err := windows.CreateFile(name, windows.FILE_WRITE_ATTRIBUTES, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	r.must(err)
	defer windows.CloseHandle(h)
	flags := [4]byte{1} // FILE_CS_FLAG_CASE_SENSITIVE_DIR
	windows.SetFileInformationByHandle(h, windows.FileCaseSensitiveInfo, &flags[0], uint32(len(flags)))
}

// unixPath returns the path by which names are told apart under wine, else the path
// itself.
func unixPath(path string) string {
	wine := windows.NewLazySystemDLL("kernel32.dll").NewProc("wine_get_unix_file_name")
	name, err := windows.UTF16PtrFromString(path)
	if err != nil || wine.Find() != nil {
		return path
	}
	of, _, _ := wine.Call(uintptr(unsafe.Pointer(name)))
	if of == 0 {
		return path
	}
	return `\\?\unix` + windows.BytePtrToString(*(**byte)(unsafe.Pointer(&of)))
}
