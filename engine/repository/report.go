package repository

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/dustin/go-humanize/english"
)

// CountReplaced counts a file that was replaced by a link. left is how many other names its
// old inode still has: only without any is room saved.
func (r *Report) CountReplaced(size, left int64) {
	r.Linked++
	if left == 0 {
		r.Saved += size
	}
}

// What a [Problem] is.
const (
	Missing    = "missing"    // in the manifest, not in the snapshot
	Extra      = "extra"      // in the snapshot, not in the manifest
	Kind       = "kind"       // another kind of entry than was stored
	Size       = "size"       // another size than was stored
	Mtime      = "mtime"      // another modification time than was stored
	Target     = "target"     // a symbolic link with another target than was stored
	Content    = "content"    // other bytes than were stored
	Catalog    = "catalog"    // the catalog and the manifest differ
	Manifest   = "manifest"   // the manifest cannot be read
	Stray      = "stray"      // under the root, but in no snapshot
	Unreadable = "unreadable" // the path could not be read
	Incomplete = "incomplete" // the tool that made the snapshot was cut off, or left out files
	Healed     = "healed"     // the path was damaged, and is repaired
	Unhealed   = "unhealed"   // the path is damaged, and could not be repaired
)

// Problem is what was found wrong with one path.
type Problem struct {
	Path   string `json:"path"` // relative to the snapshot; in the report of an adoption, to the backup root
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

// Report is what a verification or an adoption has done and found.
type Report struct {
	Snapshot *Snapshot   // the snapshot that was verified; nil for an adoption
	Added    []*Snapshot // the snapshots that were adopted
	Removed  int         // how many snapshots were removed from the catalog, since they are gone
	Files    int64       // how many regular files were checked
	Read     int64       // how many inodes were read
	Bytes    int64       // how many bytes were read
	Before   int64       // how many bytes were not read, since another check of the round has read the inodes
	Linked   int64       // how many duplicates were replaced by links
	Saved    int64       // how many bytes that has freed
	Problems []Problem   // sorted by path

	mu sync.Mutex
}

// OK reports whether there are no problems.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// Counts returns how many problems were found, and how many paths were healed or could not
// be healed. One problem may concern several paths, also in other snapshots, and a problem
// of an earlier verification may be healed too.
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

// Verdict returns the problems in a few words: "no problems", "2 problems, 3 places healed".
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

// Damaged reports whether something differs from what was stored. The other problems of an
// adoption, such as a file that cannot be read, are no damage.
func (r *Report) Damaged() bool {
	return slices.ContainsFunc(r.Problems, func(p Problem) bool {
		return r.Snapshot != nil || p.What != Unreadable && p.What != Incomplete && p.What != Stray
	})
}

// Count calls change to change the numbers of the report. It may be called from several
// goroutines.
func (r *Report) Count(change func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

// Add adds a problem. It may be called from several goroutines.
func (r *Report) Add(path, what, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Problems = append(r.Problems, Problem{path, what, fmt.Sprintf(format, args...)})
}

// Sort sorts the problems by path. Where one path is both missing and extra, these become
// one problem: the path has another kind.
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
