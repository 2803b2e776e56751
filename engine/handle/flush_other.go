//go:build unix && !linux && !darwin

package handle

import (
	"os"
	"syscall"
)

func isRemote(*syscall.Stat_t) bool { return false }

// flush writes a file to the disk.
func flush(f *os.File) error { return f.Sync() }
