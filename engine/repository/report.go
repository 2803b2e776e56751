package repository

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/dustin/go-humanize/english"
)

// CountReplaced counts a file that became a link, and left so many names of its own.
func (r *Report) CountReplaced(size, left int64) {
	r.Linked++
	if left == 0 {
		r.Saved += size
	}
}

// What is the matter with a path.
const (
	Missing    = "missing"    // in the manifest, not in the snapshot
	Extra      = "extra"      // in the snapshot, not in the manifest
	Kind       = "kind"       // not the kind of entry that was stored
	Size       = "size"       // not as long
	Mtime      = "mtime"      // not of that time
	Target     = "target"     // a symbolic link that leads elsewhere
	Content    = "content"    // not the bytes that were stored
	Catalog    = "catalog"    // the catalog says something else than the manifest
	Manifest   = "manifest"   // the manifest cannot be read
	Stray      = "stray"      // under the root, but in no snapshot
	Unreadable = "unreadable" // could not be looked at
	Incomplete = "incomplete" // the tool that stored it did not come to its end
	Healed     = "healed"     // was damaged, and has been replaced by a good copy
	Unhealed   = "unhealed"   // is damaged, and could not be replaced
)

// Problem is what was found about one path.
type Problem struct {
	Path   string `json:"path"` // relative to the snapshot; of an adoption, to the backup root
	What   string `json:"what"` // one of the constants
	Detail string `json:"detail,omitempty"`
}

// String returns the problem as one line.
func (p Problem) String() string {
	if p.Detail == "" {
		return p.What + ": " + p.Path
	}
	return p.What + ": " + p.Path + ": " + p.Detail
}

// Report is what a check or an adoption has done and found.
type Report struct {
	Snapshot *Snapshot   // that was checked
	Added    []*Snapshot // that were adopted
	Removed  int         // how many the catalog has forgotten because they are gone
	Files    int64       // regular files looked at
	Read     int64       // inodes read
	Bytes    int64       // read
	Linked   int64       // duplicates that became links
	Saved    int64       // bytes of those
	Problems []Problem   // by path

	mu sync.Mutex
}

// OK reports whether nothing was found.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// Counts returns how many problems were found, and at how many places one was
// healed, or could not be: that may be several for one problem, also in other
// snapshots, or for one that an earlier verification found.
func (r *Report) Counts() (found, healed, unhealed int64) {
	for _, p := range r.Problems {
		switch p.What {
		case Healed:
			healed++
		case Unhealed:
			unhealed++
		default:
			found++
		}
	}
	return found, healed, unhealed
}

// Verdict sums the problems up: "no problems", "2 problems, 3 places healed".
func (r *Report) Verdict() string {
	found, healed, unhealed := r.Counts()
	text := "no problems"
	if found > 0 {
		text = english.Plural(int(found), "problem", "")
	}
	if healed > 0 {
		text += ", " + english.Plural(int(healed), "place", "") + " healed"
	}
	if unhealed > 0 {
		text += fmt.Sprintf(", %d not", unhealed)
		if healed == 0 {
			text += " healed"
		}
	}
	return text
}

// Damaged reports whether something is not what was stored. An adoption may also
// have found what could not be read, was never stored in full, or is in the
// wrong place.
func (r *Report) Damaged() bool {
	return slices.ContainsFunc(r.Problems, func(p Problem) bool {
		return r.Snapshot != nil || p.What != Unreadable && p.What != Incomplete && p.What != Stray
	})
}

// Count changes the numbers of the report. It may be called from several
// goroutines.
func (r *Report) Count(change func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

// Add notes a problem. It may be called from several goroutines.
func (r *Report) Add(path, what, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Problems = append(r.Problems, Problem{path, what, fmt.Sprintf(format, args...)})
}

// Sort orders the problems. A path that is missing under one kind and extra
// under another has changed its kind.
func (r *Report) Sort() {
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	sorted := r.Problems
	r.Problems = r.Problems[:0]
	for i := 0; i < len(sorted); i++ {
		p := sorted[i]
		if i+1 < len(sorted) && sorted[i+1].Path == p.Path &&
			(p.What == Missing && sorted[i+1].What == Extra || p.What == Extra && sorted[i+1].What == Missing) {
			p = Problem{Path: p.Path, What: Kind, Detail: strings.Join([]string{p.Detail, sorted[i+1].Detail}, ", ")}
			i++
		}
		r.Problems = append(r.Problems, p)
	}
}
