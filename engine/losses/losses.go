// Package losses tells which metadata a run could not read, or the root does not keep.
package losses

import (
	"cmp"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// Tally counts the losses of a run. Each kind is reported once, in the end, with the number
// of paths: a root that keeps no owners keeps none of a million files. The methods may be
// called from several goroutines.
type Tally struct {
	mu    sync.Mutex
	kinds map[loss]*example
}

// loss is a kind of metadata, with the message that says what has become of it.
type loss struct{ message, what string }

// example is one of the paths of a loss, and the number of all.
type example struct {
	path  string
	err   error
	count int
}

// NotKept notes the metadata of e that err says the root does not keep, and returns every
// other error.
func (t *Tally) NotKept(e *manifest.Entry, err error) error {
	lost := store.Lost(err)
	if lost == nil {
		return err
	}
	for _, one := range lost {
		t.add("the backup root does not keep all metadata, it is in the manifest only", one.What, e.Path, one.Err)
	}
	return nil
}

// Unread notes the attribute of e that err says may not be read, and returns every other
// error. With an error e is marked as racy, so that the next run looks at the entry again:
// an attribute may become readable without any change of the entry's times.
func (t *Tally) Unread(e *manifest.Entry, err error) error {
	e.Racy = e.Racy || err != nil
	unseen, ok := errors.AsType[*walk.UnseenError](err)
	if !ok {
		return err
	}
	t.add("not all metadata of the source can be read", "attribute "+unseen.Name, e.Path, unseen.Err)
	return nil
}

func (t *Tally) add(message, what, path string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = map[loss]*example{}
	}
	kind := loss{message, what}
	if t.kinds[kind] == nil {
		t.kinds[kind] = &example{path: path, err: err}
	}
	t.kinds[kind].count++
}

// Tell warns of every kind of loss.
func (t *Tally) Tell(log *slog.Logger) {
	kinds := slices.SortedFunc(maps.Keys(t.kinds), func(a, b loss) int {
		return cmp.Or(cmp.Compare(a.message, b.message), cmp.Compare(a.what, b.what))
	})
	for _, kind := range kinds {
		one := t.kinds[kind]
		log.Warn(kind.message, "what", kind.what, "paths", one.count, "such as", one.path, "error", one.err)
	}
}
