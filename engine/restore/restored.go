package restore

import (
	"encoding/json"
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"phlb/engine/repository"
)

// What can be the matter with a path that is restored, beside what a
// verification finds.
const (
	Unwritable = "unwritable" // could not be made in the target
	Denied     = "denied"     // the snapshot may have it, but we may not read that there
	InTheWay   = "in the way" // the target has something else there, which stays
	Inexact    = "inexact"    // restored, but not with all of its metadata
	Renamed    = "renamed"    // restored under another name, for the target takes its own for that of another path
	Recovered  = "recovered"  // damaged in the snapshot, restored from another one
)

// Restored is what a restore has done, or with a dry run would do. What a dry
// run cannot know is whether content is damaged: it reads none.
type Restored struct {
	Snapshot *repository.Snapshot
	To       string // absolute path of the target
	Dry      bool

	Files     int64 // regular files made, Linked among them
	Bytes     int64 // of those that are not links
	Linked    int64 // files made as further names of others
	Others    int64 // symbolic links, fifos, sockets and devices made
	Folders   int64 // directories made
	Unchanged int64 // paths that were there already, the same
	Skipped   int64 // paths that were there already, different, and were kept
	Deleted   int64 // paths that the snapshot does not have
	// Privileged are devices that were left out, and programs that lack rights they
	// had, see [Restoration.Privileged].
	Privileged int64
	Errors     int64                // paths that are not what they should be
	Problems   []repository.Problem // by path, relative to the snapshot
}

// OK reports whether all is as it should be.
func (r *Restored) OK() bool { return len(r.Problems) == 0 }

// String sums it up in a line.
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

// MarshalJSON gives what a script sees of it.
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
		r.OK(), r.Snapshot, repository.Text(r.To), r.Dry, r.Files, r.Bytes, r.Linked, r.Others, r.Folders,
		r.Unchanged, r.Skipped, r.Deleted, r.Privileged, r.Errors, problems,
	})
}

// add notes a problem.
func (r *Restored) add(path, what, format string, args ...any) {
	r.Problems = append(r.Problems, repository.Problem{Path: path, What: what, Detail: fmt.Sprintf(format, args...)})
}
