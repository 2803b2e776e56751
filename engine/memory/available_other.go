//go:build !linux

package memory

// Available returns how many bytes this process may have at most, 0 if that cannot be told.
func Available() uint64 { return 0 }
