package engine

import "sync/atomic"

// Progress is how far a verb has come. The verb counts up while others read.
// Totals are 0 as long as they are not known; those of a backup are an
// estimate, from the snapshot before.
type Progress struct {
	Files      atomic.Int64 // looked at
	Bytes      atomic.Int64 // of those, or read of one under way
	TotalFiles atomic.Int64
	TotalBytes atomic.Int64
	Errors     atomic.Int64
}

func (p *Progress) reset() {
	for _, n := range []*atomic.Int64{&p.Files, &p.Bytes, &p.TotalFiles, &p.TotalBytes, &p.Errors} {
		n.Store(0)
	}
}
