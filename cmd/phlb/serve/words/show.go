package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"al.essio.dev/pkg/shellescape"
	"github.com/dustin/go-humanize"

	"phlb/engine/manifest"
)

// Size returns a size for people.
func Size(n int64) string {
	return strings.ReplaceAll(humanize.IBytes(uint64(max(n, 0))), " ", "\u00a0")
}

// Age tells how long before now something was.
func (l Language) Age(t, now time.Time) string {
	if t.IsZero() {
		return l.Text("never")
	}
	d := now.Sub(t)
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{365 * 24 * time.Hour, "year"}, {30 * 24 * time.Hour, "month"}, {24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / unit.length); n > 1 {
			return l.Text("%d "+unit.name+"s ago", n)
		} else if n == 1 {
			return l.Text("1 " + unit.name + " ago")
		}
	}
	return l.Text("just now")
}

// Shown returns a name as one that can be read, and hides nothing: what is not
// printed, turns the direction of writing or is no UTF-8 is quoted.
func Shown(text string) string {
	hides := func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }
	if strings.ContainsFunc(text, hides) {
		return strconv.Quote(text)
	}
	return text
}

// Mode shows kind and mode of an entry as ls does.
func Mode(e *manifest.Entry) string {
	text := []byte("?rwxrwxrwx")
	text[0] = byte(e.Kind)
	if e.Kind == manifest.File {
		text[0] = '-'
	}
	for i := range 9 {
		if e.Mode&(1<<(8-i)) == 0 {
			text[1+i] = '-'
		}
	}
	for i, special := range []struct {
		bit        uint32
		with, sans byte
	}{{0o4000, 's', 'S'}, {0o2000, 's', 'S'}, {0o1000, 't', 'T'}} {
		if at := 3 * (i + 1); e.Mode&special.bit != 0 {
			if text[at] == '-' {
				text[at] = special.sans
			} else {
				text[at] = special.with
			}
		}
	}
	return string(text)
}

// Quote makes a word for a shell of any bytes.
func Quote(word string) string {
	if Shown(word) == word {
		return shellescape.Quote(word)
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(word) {
		switch c := word[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
