//go:build unix

package config

import (
	"io/fs"
	"os"
	"syscall"
)

// ofOthers reports whether a file belongs neither to the user nor to root.
func ofOthers(_ string, info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid != 0 && int(st.Uid) != os.Geteuid()
}

// othersWrite reports whether others than its owner may write to a file.
func othersWrite(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }
