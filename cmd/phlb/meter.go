package main

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"

	"phlb/cmd/phlb/show"
	"phlb/engine"
)

// window is the time over which the rate is taken: long enough not to jump,
// short enough to tell that large files follow small ones.
const window = 15 * time.Second

// unlimited is the width of a line that is not on a terminal: it holds all, in words.
const unlimited = math.MaxInt

// meter makes words of how far a verb has come.
type meter struct {
	verb  string // "" if there is none
	began time.Time

	mu      sync.Mutex // guards all, against text
	last    sample
	samples []sample // of the window, the oldest first
}

// sample is how far a verb had come at some moment.
type sample struct {
	at                     time.Time
	files, bytes           int64
	totalFiles, totalBytes int64 // 0: not known
	errors                 int64
}

// look takes note of how far the verb has come by now.
func (m *meter) look(now time.Time, p *engine.Progress) {
	m.add(p.Verb(), sample{
		at: now, files: p.Files.Load(), bytes: p.Bytes.Load(),
		totalFiles: p.TotalFiles.Load(), totalBytes: p.TotalBytes.Load(), errors: p.Errors.Load(),
	})
}

func (m *meter) add(verb string, s sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if verb != m.verb {
		m.verb, m.began, m.samples = verb, s.at, nil
	}
	m.last = s
	m.samples = append(m.samples, s)
	for s.at.Sub(m.samples[0].at) > window {
		m.samples = m.samples[1:]
	}
}

// rates returns bytes and files per second over the window.
func (m *meter) rates() (bytes, files float64) {
	first := m.samples[0]
	seconds := m.last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0, 0
	}
	return float64(m.last.bytes-first.bytes) / seconds, float64(m.last.files-first.files) / seconds
}

// share returns how much of the whole is done, from 0 to 1. The whole is not
// known when there is more than there was said to be.
func (s *sample) share() (share float64, known bool) {
	switch {
	case s.totalBytes > 0 && s.bytes > s.totalBytes, s.totalFiles > 0 && s.files > s.totalFiles:
		return 0, false
	case s.totalBytes > 0:
		return float64(s.bytes) / float64(s.totalBytes), true
	case s.totalFiles > 0:
		return float64(s.files) / float64(s.totalFiles), true
	}
	return 0, false
}

// left returns how long the rest will take at the present rates; whatever of
// bytes and files takes longer. It is not known at the beginning.
func (m *meter) left() (left time.Duration, known bool) {
	bytes, files := m.rates()
	if _, whole := m.last.share(); !whole || m.last.at.Sub(m.samples[0].at) < 3*time.Second {
		return 0, false
	}
	seconds := 0.0
	for _, rest := range []struct {
		amount int64
		rate   float64
	}{{m.last.totalBytes - m.last.bytes, bytes}, {m.last.totalFiles - m.last.files, files}} {
		switch {
		case rest.amount <= 0:
		case rest.rate <= 0:
			return 0, false
		default:
			seconds = max(seconds, float64(rest.amount)/rest.rate)
		}
	}
	if seconds > (99 * time.Hour).Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// text returns the line of progress in at most width columns: what matters
// least is left out first.
func (m *meter) text(width int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.samples) == 0 {
		return ""
	}
	s := &m.last
	share, whole := s.share()
	left, soon := m.left()
	rate, _ := m.rates()

	// In the order in which they are shown, and how much each matters.
	parts := []struct {
		text    string
		matters int
	}{
		{fmt.Sprintf("%.0f%%", share*100), when(whole, 6)},
		{filesOf(s, whole), 4},
		{bytesOf(s, whole), 5},
		{show.Size(int64(rate)) + "/s", when(rate >= 1, 2)},
		{show.Clock(left) + " left", when(soon, 3)},
		{show.Clock(s.at.Sub(m.began)), when(!soon, 1)},
		{show.Count(s.errors, "error"), when(s.errors > 0, 7)},
	}
	for matters := 0; ; matters++ {
		texts := []string{m.verb}
		for _, p := range parts {
			if p.matters > matters {
				texts = append(texts, p.text)
			}
		}
		line := strings.Join(texts, "  ")
		room := width - runewidth.StringWidth(line)
		switch {
		case room >= 12 && whole && width != unlimited:
			return m.verb + "  " + bar(share, min(room-2, 20)) + strings.TrimPrefix(line, m.verb)
		case room >= 0:
			return line
		case width <= 0:
			return ""
		case len(texts) == 1:
			return runewidth.Truncate(line, width, "…")
		}
	}
}

func when(is bool, matters int) int {
	if is {
		return matters
	}
	return 0
}

func bar(share float64, width int) string {
	done := int(share * float64(width-2))
	return "[" + strings.Repeat("=", done) + strings.Repeat(" ", width-2-done) + "]"
}

func filesOf(s *sample, whole bool) string {
	if whole && s.totalFiles > 0 {
		return humanize.Comma(s.files) + " of " + show.Count(s.totalFiles, "file")
	}
	return show.Count(s.files, "file")
}

func bytesOf(s *sample, whole bool) string {
	if whole && s.totalBytes > 0 {
		return fmt.Sprintf("%s of %s", show.Size(s.bytes), show.Size(s.totalBytes))
	}
	return show.Size(s.bytes)
}
