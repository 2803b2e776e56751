//go:build !linux

package store

// Mount names the mount that the root lies on: this system cannot tell.
func (r *Root) Mount() string { return "" }
