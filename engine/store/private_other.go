//go:build !windows

package store

import "os"

// mkdirPrivate makes the directory at path, whose parent must be there, for our eyes
// only.
func mkdirPrivate(path string) error { return os.Mkdir(path, 0o700) }
