// Package testenv is what tests need of the system that they run on: root,
// programs, file systems to mount, an ordinary user. A test that does not get it
// skips, and says what it needs. Nothing but tests imports it.
package testenv

import (
	"os/exec"
	"testing"
)

// Tool skips the test where there is no program of that name.
func Tool(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs %s", name)
	}
}
