package backup

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// losses are what of the metadata a run could not keep or read. Each kind is told
// once, at the end: a root that keeps no owners keeps none of a million files.
type losses struct {
	mu    sync.Mutex
	kinds map[loss]*example
}

// loss is a kind of what was lost.
type loss struct{ message, what string }

type example struct {
	path  string
	err   error
	count int
}

func (l *losses) add(message, what, path string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kinds == nil {
		l.kinds = map[loss]*example{}
	}
	kind := loss{message, what}
	if l.kinds[kind] == nil {
		l.kinds[kind] = &example{path: path, err: err}
	}
	l.kinds[kind].count++
}

// tell warns of every kind.
func (r *run) tellLosses() {
	kinds := slices.SortedFunc(maps.Keys(r.losses.kinds), func(a, b loss) int {
		return strings.Compare(a.message+a.what, b.message+b.what)
	})
	for _, kind := range kinds {
		one := r.losses.kinds[kind]
		r.log.Warn(kind.message, "what", kind.what, "paths", one.count, "such as", one.path, "error", one.err)
	}
}

// notKept notes metadata that the root does not take, and lets other errors pass.
func (r *run) notKept(e *manifest.Entry, err error) error {
	lost := store.Lost(err)
	if lost == nil {
		return err
	}
	for _, one := range lost {
		r.losses.add("the backup root does not keep all metadata, it is in the manifest only", one.What, e.Path, one.Err)
	}
	return nil
}

// seen notes attributes of the source that may not be read, and lets other errors
// pass.
func (r *run) seen(path string, err error) error {
	unseen, ok := errors.AsType[*walk.UnseenError](err)
	if !ok {
		return err
	}
	r.losses.add("not all metadata of the source can be read", "attribute "+unseen.Name, path, unseen.Err)
	return nil
}
