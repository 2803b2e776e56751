//go:build unix

package builtins

import (
	"os/exec"
	"syscall"
)

// endGroup makes the end of cmd that of all it has started, too.
func endGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
