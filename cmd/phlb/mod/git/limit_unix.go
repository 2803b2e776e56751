//go:build unix

package git

import "strconv"

// limited returns a program and its arguments that start a program which cannot make a
// file larger than size, nor can what it starts itself: that goes on for a while once
// the program is ended. A limit that is lower already stays. The limit is set by a
// shell, in blocks of 512 bytes (POSIX, ulimit): set by us it would be ours as well, as
// long as the program is being started.
func limited(path string, args []string, size int64) (string, []string) {
	const script = `ulimit -f "$0" 2>/dev/null; exec "$@"`
	return "/bin/sh", append([]string{"-c", script, strconv.FormatInt(size/512, 10), path}, args...)
}
