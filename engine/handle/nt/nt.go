// Package nt has files of Windows by the calls below those of Win32: names that are
// opened, linked, renamed and removed relative to the handle of a directory, what a
// handle tells of a file, reparse points, alternate streams and access lists.
//
// It takes every name that the file system holds, which Win32 does not, and follows
// no link. It knows nothing of backups: package handle makes of it what every system
// has. What only reads or writes bytes, as those of a link, is there on every system.
package nt
