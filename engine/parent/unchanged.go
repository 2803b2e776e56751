package parent

import (
	"time"

	"phlb/engine/config"
	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// Unchanged reports whether the entry e of the source still is what the entry old of the
// parent's manifest says. Kind,
// size, modification time, owner and mode are compared always, change time and inode where
// by has them.
func Unchanged(by config.Attributes, old *manifest.Entry, e *walk.Entry) bool {
	return old.Kind == e.Kind && !old.Racy && old.Size == e.Size && old.Mtime == e.Mtime &&
		old.Permissions == e.Permissions &&
		(!by.Has(config.Ctime) || old.Ctime == e.Ctime) &&
		(!by.Has(config.Inode) || old.Inode == e.Inode)
}

// mappedUnseen is how long writes through a mapping (mmap) may leave the times of a file
// as they are. The first write to a page sets the time, and the next write does so only
// after the page was written to the disk. Linux writes it after 30 seconds, and looks
// every five seconds, see dirty_expire_centisecs and dirty_writeback_centisecs in
// proc_sys_vm(5).
const mappedUnseen = 40 * time.Second

// Racy reports whether e was changed so shortly before it was looked at that a further
// change could have left its times as they are, so that the next run must not take it for
// unchanged. The clock of a kernel for the times of files advances in ticks of up to 10 ms,
// and some file systems keep whole seconds (FAT: two). Writes through a mapping concern
// files alone, and their modification time. A time that lies days in the future was set by
// hand or by a wrong clock, and a further change would set another one.
func Racy(e *manifest.Entry, looked time.Time) bool {
	tick := 20 * time.Millisecond
	if e.Mtime.Nsec == 0 && e.Ctime.Nsec == 0 {
		tick = 2 * time.Second
	}
	ahead := manifest.TimeOf(looked.AddDate(0, 0, 2))
	within := func(t manifest.Time, d time.Duration) bool {
		return !t.Before(manifest.TimeOf(looked.Add(-d))) && t.Before(ahead)
	}
	if e.Kind == manifest.File && within(e.Mtime, mappedUnseen) {
		return true
	}
	return within(e.Ctime, tick) || within(e.Mtime, tick)
}
