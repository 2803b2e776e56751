package repository

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"sync"
)

// Losses are what a run could not keep or read beside the content of files. Each
// kind is told once, at the end: a root that keeps no owners keeps none of a million
// files. The methods may be called from several goroutines.
type Losses struct {
	mu    sync.Mutex
	kinds map[loss]*example
}

// loss is a kind of what was lost.
type loss struct{ message, what string }

// example is one path that a loss has befallen, and how many there are.
type example struct {
	path  string
	err   error
	count int
}

// Add notes a path that has lost what the message says.
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

// Tell warns of every kind.
func (l *Losses) Tell(log *slog.Logger) {
	kinds := slices.SortedFunc(maps.Keys(l.kinds), func(a, b loss) int {
		return cmp.Or(cmp.Compare(a.message, b.message), cmp.Compare(a.what, b.what))
	})
	for _, kind := range kinds {
		one := l.kinds[kind]
		log.Warn(kind.message, "what", kind.what, "paths", one.count, "such as", one.path, "error", one.err)
	}
}
