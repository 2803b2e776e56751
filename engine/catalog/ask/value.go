package ask

import (
	"encoding/hex"
	"path"
	"strings"
	"time"

	"phlb/engine/catalog/qlfile"
)

// What follows reads columns. NULL is nil.

func readInt(_ *cursor, v *qlfile.Values) any {
	if v.Null() {
		return nil
	}
	return v.Int()
}

func readFloat(_ *cursor, v *qlfile.Values) any {
	if v.Null() {
		return nil
	}
	return v.Float()
}

func readText(_ *cursor, v *qlfile.Values) any {
	if v.Null() {
		return nil
	}
	return v.Text()
}

func readBlob(_ *cursor, v *qlfile.Values) any {
	if v.Null() {
		return nil
	}
	return v.Blob()
}

func readDigest(_ *cursor, v *qlfile.Values) any {
	if v.Null() {
		return nil
	}
	return hex.EncodeToString(v.Blob())
}

func readTime(_ *cursor, v *qlfile.Values) any {
	if v.Null() {
		return nil
	}
	sec, nsec := v.Time()
	return textOfSeconds(sec, nsec)
}

// timeLayout is how times are written: as text that sorts by time, that the
// functions of SQLite understand, and that is known again in a result.
const timeLayout = "2006-01-02 15:04:05.000Z"

// textOfSeconds is textOfTime for seconds since 1970, in a third of the time.
func textOfSeconds(sec int64, nsec uint32) string {
	if sec < yearZero || sec > year9999Ends {
		return textOfTime(time.Unix(sec, int64(nsec)))
	}
	t := time.Unix(sec, 0).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b := [len(timeLayout)]byte{4: '-', 7: '-', 10: ' ', 13: ':', 16: ':', 19: '.', 23: 'Z'}
	digits(b[0:4], year)
	digits(b[5:7], int(month))
	digits(b[8:10], day)
	digits(b[11:13], hour)
	digits(b[14:16], minute)
	digits(b[17:19], second)
	digits(b[20:23], int(nsec/1e6))
	return string(b[:])
}

// digits writes a number with zeros in front.
func digits(b []byte, n int) {
	for i := range b {
		b[len(b)-1-i] = byte('0' + n%10)
		n /= 10
	}
}

func textOfTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// timeOfText reads what textOfTime has written, and nothing else.
func timeOfText(s string) (time.Time, bool) {
	if len(s) != len(timeLayout) || s[len(s)-1] != 'Z' || s[10] != ' ' {
		return time.Time{}, false
	}
	t, err := time.Parse(timeLayout, s)
	return t, err == nil
}

// backupName returns the name of the snapshots that hold a version, by the
// column since.
func (c *cursor) backupName(v *qlfile.Values) any {
	if s := c.snapshotOf(v.Int()); s != nil {
		return s.name
	}
	return nil
}

// snapshotOf returns what is known of a snapshot, nil where there is none of
// that number. Most rows have it in common with the row before.
func (c *cursor) snapshotOf(id int64) *snapshot {
	if c.since != id || c.snapshot == nil {
		c.since, c.snapshot = id, c.table.session.snapshots[id]
	}
	return c.snapshot
}

func (c *cursor) folder(v *qlfile.Values) any { return folderOf(v.Text()) }

func (c *cursor) extension(v *qlfile.Values) any { return extensionOf(v.Text()) }

// folderOf returns the path without its last part.
func folderOf(p string) string { return p[:max(strings.LastIndexByte(p, '/'), 0)] }

// extensionOf has no word of ".bashrc", whose name begins with its only point.
func extensionOf(p string) string {
	return path.Ext(strings.TrimLeft(p[strings.LastIndexByte(p, '/')+1:], "."))
}
