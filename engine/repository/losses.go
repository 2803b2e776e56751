package repository

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"sync"
)

// Losses are the metadata that a run could not store or read. Each kind is reported once,
// in the end, with the number of paths: a root that keeps no owners keeps none of a million
// files. The methods may be called from several goroutines.
type Losses struct {
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

// Add notes the loss of what at a path. The message says what has become of it.
func (l *Losses) Add(message, what, path string, err error) {
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

// Tell warns of every kind of loss.
func (l *Losses) Tell(log *slog.Logger) {
	kinds := slices.SortedFunc(maps.Keys(l.kinds), func(a, b loss) int {
		return cmp.Or(cmp.Compare(a.message, b.message), cmp.Compare(a.what, b.what))
	})
	for _, kind := range kinds {
		one := l.kinds[kind]
		log.Warn(kind.message, "what", kind.what, "paths", one.count, "such as", one.path, "error", one.err)
	}
}
