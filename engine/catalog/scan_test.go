package catalog

import "testing"

// A chain of rows that jumps leaves blocks behind that nobody comes for, and
// what makes room of them must not take the block that is being waited for.
func TestScannerJumps(t *testing.T) {
	c := newCatalog(t)
	size := c.db.pages.size
	s := newScanner(c.db.pages)
	defer s.busy.Wait()
	// Blocks beyond the end answer too, with an error: what counts is that all do.
	for i := range int64(400) {
		n := (i * 7919) % (size/blockSize + 1000)
		s.block(n)
	}
}
