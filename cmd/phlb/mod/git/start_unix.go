//go:build linux || darwin

package git

import (
	"os/exec"
	"sync"

	"golang.org/x/sys/unix"
)

var starting sync.Mutex

// start starts a program that cannot make a file larger than that, nor can what it
// starts itself: that goes on for a while once the program is ended.
func start(cmd *exec.Cmd, size int64) error {
	starting.Lock()
	defer starting.Unlock()
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &own); err == nil {
		// It is inherited, and our own only until the program is started.
		unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: min(uint64(size), own.Cur), Max: own.Max})
		defer unix.Setrlimit(unix.RLIMIT_FSIZE, &own)
	}
	return cmd.Start()
}
