package handle

import (
	"testing"

	"golang.org/x/sys/windows"

	"phlb/engine/manifest"
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
		data := linkData(test.target, test.junction)
		if got := target(data); got != test.target {
			t.Errorf("%q, a junction: %v, leads to %q", test.target, test.junction, got)
		}
		for n := range data { // cut off anywhere, nothing worse than another target
			target(data[:n])
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	const dir, point = windows.FILE_ATTRIBUTE_DIRECTORY, windows.FILE_ATTRIBUTE_REPARSE_POINT
	for _, test := range []struct {
		what            string
		attributes, tag uint32
		want            manifest.Kind
	}{
		{"file", windows.FILE_ATTRIBUTE_ARCHIVE, 0, manifest.File},
		{"directory", dir, 0, manifest.Dir},
		{"link to a file", point, windows.IO_REPARSE_TAG_SYMLINK, manifest.Symlink},
		{"link to a directory", dir | point, windows.IO_REPARSE_TAG_SYMLINK, manifest.Symlink},
		{"junction", dir | point, windows.IO_REPARSE_TAG_MOUNT_POINT, manifest.Symlink},
		{"link to an app", point, tagAppLink, manifest.Symlink},
		{"folder on a server", dir | point, 0x9000601a, manifest.Dir},
		{"file on a server", point, 0x9000601a, manifest.File},
		{"file without doubles", point, 0x80000013, manifest.File},
		{"socket", point, tagSocket, manifest.Socket},
		{"fifo of Linux", point, tagFifo, manifest.Fifo},
	} {
		if got := kindOf(test.attributes, test.tag); got != test.want {
			t.Errorf("%s: %v, want %v", test.what, got, test.want)
		}
	}
}
