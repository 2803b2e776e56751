package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"phlb/engine/manifest"
	"phlb/engine/walk"
)

// Where the root takes two names of a folder for one, such as Makefile and makefile, the
// first is stored as it is, and the second as makefile~1. The walk itself gives out the
// other name, so that manifest and tree have the same order, and the entry has its own
// name beside it.

// errSameName says that an entry is stored under another name than its own.
var errSameName = errors.New("the backup root takes its name for that of another")

// renamedError is errSameName with the name that was chosen.
type renamedError struct{ name string }

func (e *renamedError) Error() string { return fmt.Sprintf("%v: stored as %s", errSameName, e.name) }
func (e *renamedError) Unwrap() error { return errSameName }

// apart finds other names for what the root would take for one, see [walk.Walk].
func (r *run) apart(folder string, names []string, taken func(string) bool) (map[string]string, error) {
	other, err := r.partial.Apart(names, taken)
	if err != nil {
		err = fmt.Errorf("%s: %w", folder, err)
	}
	return other, err
}

// noteRenamed adds an error to the batch for an entry that is stored under another name.
func noteRenamed(b *walk.Batch, e *manifest.Entry) {
	if e.SourceName == "" || e.Absent {
		return
	}
	at := b.Source
	if e.Kind != manifest.Dir {
		at = path.Join(at, e.SourceName)
	}
	b.Errors = append(b.Errors, &fs.PathError{Op: "store", Path: at, Err: &renamedError{e.Name()}})
}
