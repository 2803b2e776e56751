//go:build !unix

package qlfile

import "io/fs"

// noFollow is nothing: no path leads through an open folder there.
const noFollow = 0

// syncDir has nothing to do: renames are logged by the file system.
func syncDir(string) error { return nil }

// ours cannot tell: there, temporary folders are not shared.
func ours(fs.FileInfo) bool { return true }
