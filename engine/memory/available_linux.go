package memory

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Available returns how many bytes this process may have at most: those of the machine, or
// what its control groups or RLIMIT_AS leave it, see cgroups(7) and getrlimit(2). It
// returns 0 if that cannot be told.
func Available() uint64 {
	system := os.DirFS("/")
	var least uint64
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		least = uint64(info.Totalram) * uint64(info.Unit)
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &limit) == nil { // RLIM_INFINITY is the largest number there is
		left := uint64(1)
		if taken := addresses(system); taken < limit.Cur {
			left = limit.Cur - taken
		}
		least = smaller(least, left)
	}
	return smaller(least, ofGroups(system))
}

// addresses returns how many bytes of addresses this process has taken, which are far more
// than it uses, see /proc/pid/statm in proc(5).
func addresses(system fs.FS) uint64 {
	text, _ := fs.ReadFile(system, "proc/self/statm")
	size, _, _ := strings.Cut(string(text), " ")
	pages, _ := strconv.ParseUint(size, 10, 64)
	return pages * uint64(os.Getpagesize())
}

// smaller returns the smaller of two limits, of which 0 is none.
func smaller(a, b uint64) uint64 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// ofGroups returns the smallest limit of the control groups that this process is in, and
// of those around them; 0 for none. System is the root of the file system. Behind the last
// mount point, as in a container, a group may lie that this process does not see.
func ofGroups(system fs.FS) (least uint64) {
	groups, err := fs.ReadFile(system, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	for line := bufio.NewScanner(bytes.NewReader(groups)); line.Scan(); {
		// A line is NUMBER:CONTROLLERS:PATH. Version 2 has no number and names no controllers.
		parts := strings.SplitN(line.Text(), ":", 3)
		if len(parts) < 3 {
			continue
		}
		top, name := "sys/fs/cgroup", "memory.max"
		if parts[0] != "0" || parts[1] != "" {
			if !slices.Contains(strings.Split(parts[1], ","), "memory") {
				continue
			}
			top, name = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			text, _ := fs.ReadFile(system, path.Join(top, group, name))
			limit, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64) // without one, version 2 says max
			least = smaller(least, limit)
			if group == "/" {
				break
			}
		}
	}
	return least
}
