package restore

import (
	"encoding/json"
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"phlb/engine/repository"
)

// The problems of a restored path, beside those that a verification finds.
const (
	Unwritable = "unwritable" // the path could not be made in the target
	Denied     = "denied"     // the user may not read the path in the snapshot
	InTheWay   = "in the way" // the target has something else at the path, which stays
	Inexact    = "inexact"    // the path is restored, but not with all of its metadata
	Renamed    = "renamed"    // the path is restored under another name: the target takes its name for that of another path
	Recovered  = "recovered"  // the file is damaged in the snapshot, and restored from another file of the same content
)

// Restored says what a restore has done, or what a dry run would do. A dry run does not
// find damaged content: it reads none.
type Restored struct {
	Snapshot  *repository.Snapshot
	To        string // absolute path of the target
	Dry       bool
	BrokenOff bool // an error ended the restore; it is returned beside this

	Files     int64 // regular files made, Linked among them
	Bytes     int64 // the sizes of the files that are not links
	Linked    int64 // files made as links to other files
	Others    int64 // symbolic links, fifos, sockets and devices made
	Folders   int64 // directories made
	Unchanged int64 // paths that the target had already, as in the snapshot
	Skipped   int64 // paths that the target had already, different, and that were kept
	Deleted   int64 // paths deleted, since the snapshot does not have them
	// Privileged counts the devices that were left out, and the files without the setuid bits
	// or capabilities that they had, see [Restoration.Privileged].
	Privileged int64
	Errors     int64                // paths that could not be restored as they should be
	Problems   []repository.Problem // by path, relative to the snapshot
}

// OK reports whether the restore came to its end without a problem.
func (r *Restored) OK() bool { return len(r.Problems) == 0 && !r.BrokenOff }

// String returns the result in one line.
func (r *Restored) String() string {
	how := "restored"
	if r.Dry {
		how = "to be restored"
	}
	text := fmt.Sprintf("%s, %s %s", english.Plural(int(r.Files), "file", ""), humanize.IBytes(uint64(r.Bytes)), how)
	for _, n := range []struct {
		count     int64
		one, many string
	}{
		{r.Linked, "linked", "linked"}, {r.Others, "link or device", "links and devices"}, {r.Folders, "folder", "folders"},
		{r.Unchanged, "unchanged", "unchanged"}, {r.Skipped, "skipped", "skipped"}, {r.Deleted, "deleted", "deleted"},
	} {
		if n.count > 0 {
			text += ", " + english.Plural(int(n.count), n.one, n.many)
		}
	}
	if r.BrokenOff {
		text += ", then broken off"
	}
	if r.Errors > 0 {
		text += ", " + english.Plural(int(r.Errors), "error", "")
	}
	if r.Privileged > 0 {
		text += fmt.Sprintf("; devices, setuid bits and capabilities of %s are left out, for the root is not of this host and user: -v names them, --privileged restores them",
			english.Plural(int(r.Privileged), "path", ""))
	}
	if r.Skipped > 0 {
		text += "; what is skipped is there and different: -v names it, --overwrite newer or always replaces it"
	}
	return text
}

// MarshalJSON gives the attributes that a script sees.
func (r *Restored) MarshalJSON() ([]byte, error) {
	problems := r.Problems
	if problems == nil {
		problems = []repository.Problem{}
	}
	return json.Marshal(struct {
		OK         bool                 `json:"ok"`
		Snapshot   *repository.Snapshot `json:"snapshot"`
		To         string               `json:"to"`
		Dry        bool                 `json:"dry"`
		BrokenOff  bool                 `json:"broken_off,omitempty"`
		Files      int64                `json:"files"`
		Bytes      int64                `json:"bytes"`
		Linked     int64                `json:"linked"`
		Others     int64                `json:"others"`
		Folders    int64                `json:"folders"`
		Unchanged  int64                `json:"unchanged"`
		Skipped    int64                `json:"skipped"`
		Deleted    int64                `json:"deleted"`
		Privileged int64                `json:"privileged"`
		Errors     int64                `json:"errors"`
		Problems   []repository.Problem `json:"problems"`
	}{
		r.OK(), r.Snapshot, repository.Text(r.To), r.Dry, r.BrokenOff, r.Files, r.Bytes, r.Linked, r.Others, r.Folders,
		r.Unchanged, r.Skipped, r.Deleted, r.Privileged, r.Errors, problems,
	})
}

// add notes a problem.
func (r *Restored) add(path, what, format string, args ...any) {
	r.Problems = append(r.Problems, repository.Problem{Path: path, What: what, Detail: fmt.Sprintf(format, args...)})
}
