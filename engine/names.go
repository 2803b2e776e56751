package engine

import (
	"phlb/engine/walk"
)

// Who listens at the level of information hears of paths that fare otherwise than
// is usual, and at that of debugging of every path. A snapshot's log holds none.

// name tells of the paths of a batch.
func (r *run) name(b *walk.Batch, p *plan) {
	log := r.Repository.log
	for _, l := range b.Left {
		log.Info("skipped", "path", l.Path, "by", l.By)
	}
	if b.First {
		log.Debug("folder", "path", b.Folder.Path)
	}
	for i := range p.results {
		switch res := &p.results[i]; res.outcome {
		case linked:
			log.Info("linked to what is there", "path", res.entry.Path)
		case unchanged:
			log.Debug("unchanged", "path", res.entry.Path)
		case stored:
			log.Debug("new", "path", res.entry.Path)
		}
	}
}

// skip counts a path that the target keeps as it is.
func (r *restore) skip(path string) {
	r.count(func(done *Restored) { done.Skipped++ })
	r.log.Info("skipped, the target has another", "path", path)
}

func (v *verification) name(what, path string) {
	if v.naming {
		v.log.Debug(what, "path", path)
	}
}
