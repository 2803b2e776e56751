package nt

import (
	"encoding/binary"
	"io/fs"
	"strings"
	"unicode/utf16"
)

// Tags of reparse points, see [MS-FSCC] 2.1.2.1.
const (
	TagSymlink     = 0xa000000c
	TagJunction    = 0xa0000003 // and where a volume is mounted in a folder
	TagAppLink     = 0x8000001b // in WindowsApps: starts an app of the store
	TagLinuxLink   = 0xa000001d // of the Windows subsystem for Linux, as those below
	TagSocket      = 0x80000023
	TagFifo        = 0x80000024
	TagCharDevice  = 0x80000025
	TagBlockDevice = 0x80000026

	surrogate = 0x20000000 // says that something else stands for the name: a link
)

const attributeDirectory = 0x10

// TypeOf returns the type of what has these attributes, and that tag if it is a
// reparse point. Junctions, folders where a volume is mounted, and links to apps are
// symbolic links. What a filter puts there, such as one for files that lie on a
// server, is what it looks like.
func TypeOf(attributes, tag uint32) fs.FileMode {
	switch {
	case tag == TagSocket:
		return fs.ModeSocket
	case tag == TagFifo:
		return fs.ModeNamedPipe
	case tag == TagCharDevice:
		return fs.ModeDevice | fs.ModeCharDevice
	case tag == TagBlockDevice:
		return fs.ModeDevice
	case tag&surrogate != 0, tag == TagAppLink:
		return fs.ModeSymlink
	case attributes&attributeDirectory != 0:
		return fs.ModeDir
	}
	return 0
}

const reparseHead = 8 // tag, length and two bytes of nothing

// Target returns where the data of a reparse point lead; "" where they do not say.
func Target(data []byte) string {
	if len(data) < reparseHead {
		return ""
	}
	body := data[reparseHead:]
	switch binary.LittleEndian.Uint32(data) {
	case TagSymlink:
		return linkName(body, 12)
	case TagJunction:
		return linkName(body, 8)
	case TagLinuxLink:
		if len(body) > 4 {
			return string(body[4:])
		}
	case TagAppLink: // version, then package, app and program, each ended by a zero
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

// LinkData returns the data of a symbolic link, or of a junction where the target
// is absolute and that is wanted.
func LinkData(target string, junction bool) []byte {
	shown := utf16.Encode([]rune(target))
	used, flags, tag := shown, uint32(1), uint32(TagSymlink) // relative
	if IsAbsolute(target) {
		used, flags = utf16.Encode([]rune(`\??\`+strings.TrimPrefix(target, `\\?\`))), 0
	}
	var b []byte
	if junction {
		tag = TagJunction
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

// IsAbsolute reports whether a target names its volume.
func IsAbsolute(target string) bool {
	return len(target) > 2 && target[1] == ':' || strings.HasPrefix(target, `\\`)
}
