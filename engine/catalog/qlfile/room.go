//go:build linux || darwin || freebsd

package qlfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// leastRoom is what a file system must have left for it to be worth the try to
// write beside a catalog.
const leastRoom = 256 << 10

// full reports whether there is no room where the folder lies.
func full(name string) bool {
	var s unix.Statfs_t
	if unix.Statfs(name, &s) != nil || s.Blocks == 0 {
		return false
	}
	free := uint64(s.Bavail)
	if os.Geteuid() == 0 { // what is kept back is for root to take
		free = s.Bfree
	}
	return free*uint64(s.Bsize) < leastRoom
}
