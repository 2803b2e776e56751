//go:build !linux && !windows && !freebsd && !netbsd && !openbsd

package handle

import (
	"io/fs"

	"phlb/engine/manifest"
)

// makeSpecial makes nothing: the system has no call that does so in a directory that
// is open, and a path could lead elsewhere by now.
func makeSpecial(int, string, *manifest.Entry) error { return fs.ErrPermission }
