//go:build amd64 || arm64

package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filter makes the system answer the calls of those numbers, of this thread
// alone, with action, see seccomp(2). The thread must be locked and given up.
func filter(action uint32, flags uintptr, numbers ...uint32) (fd uintptr, err error) {
	code := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the number of the call
	for i, n := range numbers {
		code = append(code, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: n, Jt: uint8(len(numbers) - i)})
	}
	code = append(code,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return 0, errno
	}
	return fd, nil
}

func TestNoHardlinks(t *testing.T) {
	dir := t.TempDir()
	var refused, made error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if _, refused = filter(unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM), 0, unix.SYS_LINKAT); refused == nil {
			_, made = Create(dir)
		}
	}()
	<-done
	if refused != nil {
		t.Skipf("needs seccomp: %v", refused)
	}
	if !errors.Is(made, ErrNoHardlinks) || !errors.Is(made, unix.EPERM) || !strings.Contains(made.Error(), "another file system") {
		t.Errorf("without hardlinks: %v", made)
	}
	if left, err := os.ReadDir(filepath.Join(dir, internal)); err != nil || len(left) > 0 {
		t.Errorf("the probe has left %v, %v", left, err)
	}
}
