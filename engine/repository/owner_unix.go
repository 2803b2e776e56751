//go:build unix

package repository

import (
	"io/fs"
	"syscall"
)

// ownerOf returns the user that a file belongs to.
func ownerOf(info fs.FileInfo) int64 { return int64(info.Sys().(*syscall.Stat_t).Uid) }
