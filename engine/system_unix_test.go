//go:build unix

package engine_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine/manifest"
)

// system completes what a test sees of a path by what only this system has.
func (n *node) system(t testing.TB, path string, info os.FileInfo) {
	st := info.Sys().(*syscall.Stat_t)
	n.mode, n.uid, n.gid = uint32(st.Mode)&0o7777, st.Uid, st.Gid
	n.rdev, n.id = uint64(st.Rdev), id{uint64(st.Dev), uint64(st.Ino)}
	n.links, n.blocks = uint64(st.Nlink), int64(st.Blocks)
}

// fifo makes one, and reports whether the system has such.
func (r *repo) fifo(path string, mode uint32) bool {
	r.Helper()
	r.must(syscall.Mkfifo(path, mode))
	return true
}

// become has a command run as an ordinary user.
func become(c *exec.Cmd, as *user) {
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: as.ID, Gid: as.ID, Groups: as.Groups}}
}

// setMtime sets the modification time, also of a symbolic link.
func (r *repo) setMtime(path string, mtime manifest.Time) {
	r.Helper()
	t, err := unix.TimeToTimespec(mtime.Time())
	r.must(err)
	r.must(unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{t, t}, unix.AT_SYMLINK_NOFOLLOW))
}
