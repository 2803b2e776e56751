package engine_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"phlb/engine/manifest"
)

// system completes what a test sees of a path by what only this system has. Its
// owner is an attribute there, and its mode one that phlb makes up.
func (n *node) system(t testing.TB, path string, info os.FileInfo) {
	t.Helper()
	n.uid, n.gid, n.rdev, n.mode = 0, 0, 0, 0o777
	if n.kind == 0 {
		n.mode = uint32(info.Mode().Perm())
	}
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := syscall.CreateFile(name, 0, syscall.FILE_SHARE_READ|syscall.FILE_SHARE_WRITE|syscall.FILE_SHARE_DELETE, nil,
		syscall.OPEN_EXISTING, syscall.FILE_FLAG_BACKUP_SEMANTICS|syscall.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	defer syscall.CloseHandle(h)
	var of syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(h, &of); err != nil {
		t.Fatalf("look at %s: %v", path, err)
	}
	n.id = id{uint64(of.VolumeSerialNumber), uint64(of.FileIndexHigh)<<32 | uint64(of.FileIndexLow)}
	n.links, n.blocks = uint64(of.NumberOfLinks), (info.Size()+511)/512
}

// fifo reports that the system has no such files.
func (r *repo) fifo(string, uint32) bool { return false }

// become is for systems that number their users.
func become(*exec.Cmd, *user) { panic("nobody can become somebody else here") }

// setMtime sets the modification time.
func (r *repo) setMtime(path string, mtime manifest.Time) {
	r.Helper()
	r.must(os.Chtimes(path, time.Time{}, mtime.Time()))
}
