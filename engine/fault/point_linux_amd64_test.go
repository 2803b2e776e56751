package fault

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A point is a call of a scenario, known again in the next run of it: the
// how-many-eth of its name with those paths. Threads run in another order each
// time, so a mere number would be of another call.
type point struct {
	call  string // name and paths
	nth   int    // from 1
	class string // name and kinds of paths
	kind  kind
}

// kin names the points that are alike: those of one class in all scenarios of a verb,
// and of a class that changes nothing, in all scenarios. What every command reads is
// read by the same code.
func (p point) kin(verb string) string {
	if p.kind.changes() {
		return verb + " " + p.class
	}
	return p.class
}

func (p point) String() string { return fmt.Sprintf("%s #%d", p.call, p.nth) }

// A way is one of going wrong at a point.
type way struct {
	verdict verdict
	errno   syscall.Errno
}

func (w way) String() string {
	switch w.verdict {
	case killBefore:
		return "kill"
	case killAfter:
		return "kill-after"
	}
	return unix.ErrnoName(w.errno)
}

// deadly reports whether the process ends by it.
func (w way) deadly() bool { return w.verdict == killBefore || w.verdict == killAfter }

// ways returns the ways of going wrong at a point. To be killed before a call
// that changes nothing is to be killed before the next one that does.
func (p point) ways(long bool) (out []way) {
	if p.kind.changes() {
		out = append(out, way{killBefore, 0})
		if long {
			out = append(out, way{killAfter, 0})
		}
	}
	for _, errno := range p.kind.errors {
		out = append(out, p.refusal(errno))
		if !long {
			break
		}
	}
	return out
}

func (p point) refusal(errno syscall.Errno) way {
	if p.kind.name == "close" {
		return way{refuseLate, errno} // the file is closed whatever close returns
	}
	return way{refuse, errno}
}

// labels make paths of one run alike those of the next.
type labels struct {
	places [][2]string       // folder, and what it is called
	stamps map[string]string // snapshots that were there before
	kinds  map[string]string // of what is in the source, by path
}

var (
	stampText  = regexp.MustCompile(`\b\d{4}-\d\d-\d\d-\d{6}(-\d+)?\b`)
	tempText   = regexp.MustCompile(`\.phlb-[0-9a-z-]+~`)
	randomText = regexp.MustCompile(`[0-9a-f]{16,}|\d{5,}`)
	digitText  = regexp.MustCompile(`\d+`)
)

// text takes from a text what differs from run to run.
func (l *labels) text(s string) string {
	for _, place := range l.places {
		s = strings.ReplaceAll(s, place[0], place[1])
	}
	s = stampText.ReplaceAllStringFunc(s, func(stamp string) string {
		if name, ok := l.stamps[stamp]; ok {
			return name
		}
		return "NEW"
	})
	s = tempText.ReplaceAllString(s, ".phlb-~")
	return randomText.ReplaceAllString(s, "N")
}

// path returns what a path is called, if it lies in one of the places.
func (l *labels) path(path string) (string, bool) {
	for _, place := range l.places {
		if path == place[0] || strings.HasPrefix(path, place[0]+string(filepath.Separator)) {
			return l.text(path), true
		}
	}
	return "", false
}

// entryText matches paths of what is backed up: in the source, in snapshots, in
// runs under way, and where it is restored to.
var entryText = regexp.MustCompile(`^(source|to|root/[^./][^/]*/[^/]+(?:/previous)?/tree|root/[^./][^/]*/(?:[A-Z]|NEW|OLD)|root/[^/]*/.removed-[A-Z])/(.+)$`)

// oldText matches what is the same whichever of the older snapshots it is of.
var oldText = regexp.MustCompile(`(/\.removed-)[A-Z]\b|(/)[A-Z](\.log)$`)

// class returns what kind of path that of a point is.
func (l *labels) class(name string) string {
	if m := entryText.FindStringSubmatch(name); m != nil {
		name = m[1] + "/" + l.kinds[m[2]]
	}
	name = oldText.ReplaceAllString(name, "${1}${2}X${3}")
	return digitText.ReplaceAllString(name, "N")
}

// A counter finds points in the calls of one process.
type counter struct {
	labels *labels
	seen   map[string]int
}

// point returns the point that a call is, if it is about one of the places.
func (n *counter) point(c *call) (point, bool) {
	k, ok := c.kind()
	if !ok || k.name == "close" && c.onlyRead() {
		return point{}, false
	}
	text, class := k.name, k.name
	inside := false
	for _, path := range c.targets(k) {
		name, ok := n.labels.path(path)
		inside = inside || ok
		if !ok {
			name = "elsewhere"
		}
		text += " " + name
		class += " " + n.labels.class(name)
	}
	if !inside {
		return point{}, false
	}
	n.seen[text]++
	return point{text, n.seen[text], class, k}, true
}
