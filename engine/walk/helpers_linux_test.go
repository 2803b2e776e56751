package walk

import (
	"os"
	"testing"
)

// handles returns how many files the process has open.
func handles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}
