//go:build !linux

package handle

// PathOf returns "": there are no paths here that lead through an open directory.
func (d *Dir) PathOf(string) string { return "" }
