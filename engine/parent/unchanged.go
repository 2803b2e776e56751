package parent

import (
	"time"

	"phlb/engine/config"
	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// Unchanged reports whether the entry e of the source is what the parent's manifest
// says it was, so far as is configured to be looked at. Owner and mode always are.
func Unchanged(by config.Attributes, old *manifest.Entry, e *walk.Entry) bool {
	return old.Kind == e.Kind && !old.Racy && old.Size == e.Size && old.Mtime == e.Mtime &&
		old.Permissions == e.Permissions &&
		(!by.Has(config.Ctime) || old.Ctime == e.Ctime) &&
		(!by.Has(config.Inode) || old.Inode == e.Inode)
}

// mappedUnseen is how long writes through a mapping may leave the times of a file
// as they are: a page gets dirty with the first one, and only the first one after
// it was written back counts as a change again. Linux does that after 30 seconds,
// and looks every five, see dirty_expire_centisecs and dirty_writeback_centisecs in
// proc_sys_vm(5).
const mappedUnseen = 40 * time.Second

// Racy reports whether e was changed so short a time before it was looked at
// that a further change could have left its times as they are: the next run cannot
// take it for unchanged. The clock that a kernel stamps files with advances in
// ticks of up to 10 ms, and some file systems keep whole seconds (FAT: two) only.
// Only a file can be mapped, and that sets the modification time, which is old in
// what was copied with its times. A time that is days ahead was set by hand or by a
// clock that went wrong, and a further change would end that.
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
