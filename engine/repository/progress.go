package repository

import "sync/atomic"

// Progress is how far a verb has come. The verb counts, and others may read the numbers at
// any time. Totals are 0 as long as they are not known. The totals of a backup are an
// estimate: those of the parent snapshot or, with [Environment].CountAhead, of a walk over
// the source.
type Progress struct {
	Files      atomic.Int64 // regular files that are done
	Bytes      atomic.Int64 // the sizes of those files, and what was read of files that are not done
	TotalFiles atomic.Int64
	TotalBytes atomic.Int64
	Errors     atomic.Int64 // entries that could not be read, or are damaged

	verb atomic.Pointer[string]
}

// Verb returns what is under way, such as "backup documents"; "" for nothing.
func (p *Progress) Verb() string {
	if verb := p.verb.Load(); verb != nil {
		return *verb
	}
	return ""
}

// Begin starts to count for a verb, from 0. The caller calls end when the verb is
// done.
func (p *Progress) Begin(verb string) (end func()) {
	for _, n := range []*atomic.Int64{&p.Files, &p.Bytes, &p.TotalFiles, &p.TotalBytes, &p.Errors} {
		n.Store(0)
	}
	p.Phase(verb)
	return func() { p.verb.Store(nil) }
}

// Phase sets what the verb is doing now, such as "seal documents/2026-11-22".
func (p *Progress) Phase(verb string) { p.verb.Store(&verb) }
