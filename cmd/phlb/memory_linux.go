package main

import "golang.org/x/sys/unix"

// totalMemory returns how much the machine has, 0 if that cannot be told.
func totalMemory() uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}
