package handle

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// isRemote reports whether a file is without its content, which iCloud fetches when
// it is read: SF_DATALESS of <sys/stat.h>.
func isRemote(st *syscall.Stat_t) bool { return st.Flags&0x40000000 != 0 }

// flush hands a file to the disk. What the disk has taken and not written yet is
// written at the seal, when the manifest is synced by [os.File.Sync]: to have that
// done for every file, as F_FULLFSYNC does, takes many times as long.
func flush(f *os.File) error { return pathError("fsync", f.Name(), unix.Fsync(int(f.Fd()))) }
