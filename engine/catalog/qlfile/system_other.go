//go:build !unix

package qlfile

import "io/fs"

// syncDir has nothing to do: renames are logged by the file system.
func syncDir(string) error { return nil }

// ours cannot tell: there, temporary folders are not shared.
func ours(fs.FileInfo) bool { return true }
