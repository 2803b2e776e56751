package nt

import (
	"encoding/binary"
	"io/fs"
	"slices"
	"testing"
	"unicode/utf16"
)

// What is written of a link is what is read of it.
func TestLinkData(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		target   string
		junction bool
	}{
		{"2026-11-22-104500", false},
		{`..\ünï\𝄞`, false},
		{`C:\Users\me`, false},
		{`C:\Users\me`, true},
		{`D:\`, true},
	} {
		data := LinkData(test.target, test.junction)
		if got := Target(data); got != test.target {
			t.Errorf("%q, a junction: %v, leads to %q", test.target, test.junction, got)
		}
		for n := range data { // cut off anywhere, nothing worse than another target
			Target(data[:n])
		}
	}
}

func TestTypeOf(t *testing.T) {
	t.Parallel()
	const dir, point, archive = 0x10, 0x400, 0x20
	for _, test := range []struct {
		what            string
		attributes, tag uint32
		want            fs.FileMode
	}{
		{"file", archive, 0, 0},
		{"directory", dir, 0, fs.ModeDir},
		{"link to a file", point, TagSymlink, fs.ModeSymlink},
		{"link to a directory", dir | point, TagSymlink, fs.ModeSymlink},
		{"junction, and where a volume is mounted", dir | point, TagJunction, fs.ModeSymlink},
		{"link to an app", point, TagAppLink, fs.ModeSymlink},
		{"folder on a server", dir | point, 0x9000601a, fs.ModeDir},
		{"file on a server", point, 0x9000601a, 0},
		{"file without doubles", point, 0x80000013, 0},
		{"socket", point, TagSocket, fs.ModeSocket},
		{"fifo of Linux", point, TagFifo, fs.ModeNamedPipe},
		{"disk of Linux", point, TagBlockDevice, fs.ModeDevice},
		{"terminal of Linux", point, TagCharDevice, fs.ModeDevice | fs.ModeCharDevice},
	} {
		if got := TypeOf(test.attributes, test.tag); got != test.want {
			t.Errorf("%s: %v, want %v", test.what, got, test.want)
		}
	}
}

// Data as Windows itself writes them, byte for byte.
func TestTarget(t *testing.T) {
	t.Parallel()
	utf16le := func(s string) (b []byte) {
		for _, c := range utf16.Encode([]rune(s)) {
			b = append(b, byte(c), byte(c>>8))
		}
		return b
	}
	head := func(tag uint32, body ...[]byte) []byte {
		all := slices.Concat(body...)
		b := binary.LittleEndian.AppendUint32(nil, tag)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(all)))
		return append(append(b, 0, 0), all...)
	}
	volume := utf16le(`\??\Volume{5e4d1c4c-0000-0000-0000-100000000000}\`)
	app := slices.Concat([]byte{3, 0, 0, 0}, utf16le("Package_8we\x00Package_8we!App\x00C:\\Program Files\\App\\app.exe\x000\x00"))
	for _, test := range []struct {
		what string
		data []byte
		want string
	}{
		{"mounted volume", head(TagJunction, []byte{0, 0, byte(len(volume)), 0, byte(len(volume) + 2), 0, 0, 0}, volume, []byte{0, 0, 0, 0}),
			`Volume{5e4d1c4c-0000-0000-0000-100000000000}\`},
		{"app", head(TagAppLink, app), `C:\Program Files\App\app.exe`},
		{"link of Linux", head(TagLinuxLink, []byte{2, 0, 0, 0}, []byte("../ünï")), "../ünï"},
		{"on a server", head(0x9000601a, []byte("whatever")), ""},
		{"nothing", nil, ""},
	} {
		if got := Target(test.data); got != test.want {
			t.Errorf("%s leads to %q, want %q", test.what, got, test.want)
		}
		for n := range test.data { // cut off anywhere, nothing worse than another target
			Target(test.data[:n])
		}
	}
}
