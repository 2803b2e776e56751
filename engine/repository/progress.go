package repository

import (
	"sync/atomic"
)

// Progress is how far a verb has come. The verb counts up while others read.
// Totals are 0 as long as they are not known; those of a backup are an
// estimate, from the snapshot before or, with [Environment].CountAhead, from a
// walk ahead.
type Progress struct {
	Files      atomic.Int64 // looked at
	Bytes      atomic.Int64 // of those, or read of one under way
	TotalFiles atomic.Int64
	TotalBytes atomic.Int64
	Errors     atomic.Int64

	verb atomic.Pointer[string]
}

// Verb says what is under way, such as "backup documents"; "" if nothing is.
func (p *Progress) Verb() string {
	if verb := p.verb.Load(); verb != nil {
		return *verb
	}
	return ""
}

// Begin starts to count for a verb. The caller calls end when it is done.
func (p *Progress) Begin(verb string) (end func()) {
	for _, n := range []*atomic.Int64{&p.Files, &p.Bytes, &p.TotalFiles, &p.TotalBytes, &p.Errors} {
		n.Store(0)
	}
	p.Phase(verb)
	return func() { p.verb.Store(nil) }
}

// Phase says what the verb has come to.
func (p *Progress) Phase(verb string) { p.verb.Store(&verb) }
