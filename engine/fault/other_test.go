//go:build !linux || !amd64

package fault

import "testing"

func TestFault(t *testing.T) { t.Skip("needs ptrace, seccomp and registers of Linux on amd64") }
