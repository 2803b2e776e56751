package handle

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"

	"phlb/engine/manifest"
)

// Tags of reparse points that package windows does not name, see [MS-FSCC] 2.1.2.1.
const (
	tagAppLink     = 0x8000001b // in WindowsApps: starts an app of the store
	tagLinuxLink   = 0xa000001d // of the Windows subsystem for Linux, as those below
	tagSocket      = 0x80000023
	tagFifo        = 0x80000024
	tagCharDevice  = 0x80000025
	tagBlockDevice = 0x80000026

	surrogate = 0x20000000 // says that something else stands for the name: a link
)

// kindOf returns the kind of what has these attributes, and that tag if it is a
// reparse point. Junctions and links to apps are symbolic links, told apart by an
// attribute, see [Dir.Xattrs]. What a filter puts there, such as one for files
// that lie on a server, is what it looks like.
func kindOf(attributes, tag uint32) manifest.Kind {
	switch {
	case tag == tagSocket:
		return manifest.Socket
	case tag == tagFifo:
		return manifest.Fifo
	case tag == tagCharDevice:
		return manifest.CharDevice
	case tag == tagBlockDevice:
		return manifest.BlockDevice
	case tag&surrogate != 0, tag == tagAppLink:
		return manifest.Symlink
	case attributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0:
		return manifest.Dir
	}
	return manifest.File
}

// reparse returns the data of the reparse point called name.
func (d *Dir) reparse(name string) ([]byte, error) {
	h, err := open(d.h, name, request{access: toLook, options: noFollow})
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(h)
	buf := make([]byte, windows.MAXIMUM_REPARSE_DATA_BUFFER_SIZE)
	var n uint32
	err = windows.DeviceIoControl(h, windows.FSCTL_GET_REPARSE_POINT, nil, 0, &buf[0], uint32(len(buf)), &n, nil)
	return buf[:n], err
}

const reparseHead = 8 // tag, length and two bytes of nothing

// target returns where the data of a reparse point lead; "" where they do not say.
func target(data []byte) string {
	if len(data) < reparseHead {
		return ""
	}
	body := data[reparseHead:]
	switch binary.LittleEndian.Uint32(data) {
	case windows.IO_REPARSE_TAG_SYMLINK:
		return linkName(body, 12)
	case windows.IO_REPARSE_TAG_MOUNT_POINT:
		return linkName(body, 8)
	case tagLinuxLink:
		if len(body) > 4 {
			return string(body[4:])
		}
	case tagAppLink: // version, then package, app and program, each ended by a zero
		if len(body) > 4 {
			if texts := strings.Split(text16(body[4:]), "\x00"); len(texts) > 2 {
				return texts[2]
			}
		}
	}
	return ""
}

// linkName returns the name that a link is shown with, or else the one that the
// system uses. Both lie behind the fixed part of the data.
func linkName(body []byte, fixed int) string {
	if len(body) < fixed {
		return ""
	}
	part := func(at int) string {
		from := fixed + int(binary.LittleEndian.Uint16(body[at:]))
		to := from + int(binary.LittleEndian.Uint16(body[at+2:]))
		if to > len(body) {
			return ""
		}
		return text16(body[from:to])
	}
	if shown := part(4); shown != "" {
		return shown
	}
	return strings.TrimPrefix(part(0), `\??\`)
}

func text16(data []byte) string {
	text := make([]uint16, len(data)/2)
	for i := range text {
		text[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return string(utf16.Decode(text))
}

// linkData returns the data of a symbolic link, or of a junction where the target
// is absolute and that is wanted.
func linkData(target string, junction bool) []byte {
	shown := utf16.Encode([]rune(target))
	used, flags, tag := shown, uint32(1), uint32(windows.IO_REPARSE_TAG_SYMLINK) // relative
	if isAbsolute(target) {
		used, flags = utf16.Encode([]rune(`\??\`+strings.TrimPrefix(target, `\\?\`))), 0
	}
	var b []byte
	if junction {
		tag = windows.IO_REPARSE_TAG_MOUNT_POINT
	}
	b = binary.LittleEndian.AppendUint32(b, tag)
	b = append(b, 0, 0, 0, 0)
	zero := 0 // a junction's names are ended by zeros that do not count
	if junction {
		zero = 2
	}
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(2*len(used)))
	b = binary.LittleEndian.AppendUint16(b, uint16(2*len(used)+zero))
	b = binary.LittleEndian.AppendUint16(b, uint16(2*len(shown)))
	if !junction {
		b = binary.LittleEndian.AppendUint32(b, flags)
	}
	for _, name := range [][]uint16{used, shown} {
		for _, c := range name {
			b = binary.LittleEndian.AppendUint16(b, c)
		}
		b = append(b, make([]byte, zero)...)
	}
	binary.LittleEndian.PutUint16(b[4:], uint16(len(b)-reparseHead))
	return b
}

// isAbsolute reports whether a target names its volume.
func isAbsolute(target string) bool {
	return len(target) > 2 && target[1] == ':' || strings.HasPrefix(target, `\\`)
}

// makeReparse makes the reparse point called name of such data.
func (d *Writer) makeReparse(name string, isDir bool, data []byte) error {
	if len(data) < reparseHead {
		return windows.ERROR_INVALID_REPARSE_DATA
	}
	r := request{access: windows.FILE_WRITE_ATTRIBUTES | windows.DELETE, disposition: windows.FILE_CREATE, options: noFollow | windows.FILE_NON_DIRECTORY_FILE}
	if isDir {
		r.options = noFollow | directory
	}
	h, err := open(d.h, name, r)
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

// finalPath returns where an open directory lies.
func finalPath(h windows.Handle) (string, error) {
	buf := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetFinalPathNameByHandle(h, unsafe.SliceData(buf), uint32(len(buf)), 0)
	if err != nil || int(n) > len(buf) {
		return "", err
	}
	return windows.UTF16ToString(buf[:n]), nil
}

// leadsToDir reports whether a link in the directory at path would lead to a
// directory.
func leadsToDir(path, target string) bool {
	if !isAbsolute(target) {
		target = filepath.Join(path, filepath.FromSlash(target))
	}
	info, err := os.Stat(target)
	return err == nil && info.IsDir()
}
