package show

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
)

// isWord reports whether a column is one of words that have colours.
func isWord(column string) bool {
	return slices.Contains([]string{"what", "action", "ok", "status"}, column)
}

func cutOf(column string) Cut {
	switch {
	case isWord(column):
		return Whole
	case column == "path", column == "before", strings.HasSuffix(column, "_path"):
		return Before
	}
	return Behind
}

// isSize reports whether a column holds numbers of bytes.
func isSize(column string) bool {
	for _, word := range []string{"size", "bytes"} {
		if column == word || strings.HasSuffix(column, "_"+word) {
			return true
		}
	}
	return column == "freed"
}

// cell returns what stands under a column for v.
func cell(column string, v starlark.Value) string {
	switch v := v.(type) {
	case starlark.NoneType:
		return ""
	case starlark.Bool:
		if v {
			return "yes"
		}
		return "no"
	case starlark.Int:
		n, ok := v.Int64()
		switch {
		case !ok:
			return v.String()
		case isSize(column) && n < 0:
			return "-" + humanize.IBytes(-uint64(n))
		case isSize(column):
			return Size(n)
		case column == "mode":
			return "0" + strconv.FormatInt(n, 8)
		}
		return humanize.Comma(n)
	case starlark.Float:
		return strconv.FormatFloat(float64(v), 'g', 6, 64)
	case startime.Time:
		return Minute(time.Time(v))
	case startime.Duration:
		if column == "age" {
			return Age(time.Duration(v))
		}
		return Clock(time.Duration(v))
	case starlark.String:
		return Printable(string(v))
	case starlark.Iterable:
		var parts []string
		for element := range starlark.Elements(v) {
			parts = append(parts, cell(column, element))
		}
		return strings.Join(parts, ", ")
	}
	return Printable(v.String())
}

// Minute writes a time as people tell it.
func Minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// Size writes a number of bytes: "1.5 KiB". Less than none is none.
func Size(n int64) string { return humanize.IBytes(uint64(max(0, n))) }

// Age writes how old something is, in its largest unit.
func Age(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{365 * day, "y"}, {7 * day, "w"}, {day, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= u.length {
			return fmt.Sprintf("%d %s", d/u.length, u.name)
		}
	}
	return "now"
}

// Count writes a number of things: "1 error", "2,000 files".
func Count(n int64, thing string) string {
	return humanize.Comma(n) + " " + english.PluralWord(int(n), thing, "")
}

// Clock writes a duration as 1:05 or 2:30:00.
func Clock(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
