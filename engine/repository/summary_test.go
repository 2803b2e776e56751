package repository

import "testing"

func TestBytes(t *testing.T) {
	for size, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 3 << 31: "6442450944 bytes", 1<<32 + 1: "4294967297 bytes"} {
		if got := Bytes(size); got != want {
			t.Errorf("%d is %q, want %q", size, got, want)
		}
	}
}
