package fault

import (
	"regexp"
	"sync"
	"testing"
)

// A fault is one that is known.
type fault struct {
	pattern string // of findings
	why     string // what is wrong
	long    bool   // only the long form finds it
}

// known are the faults that phlb has today. One that is mended leaves the table.
var known = []fault{
	{
		pattern: `root/\.phlb/catalog\.ql.*: (the note of damage of|the next backup|new snapshot: sub/(rot|twin): is file|exit code 0, and it prints)`,
		why:     "a catalog that could not be read is taken for a damaged one and made anew: the notes of damage are lost, and the next backup links to what is rotten",
	},
	{
		pattern: `: flock root/\.phlb/locks/seal #.*: does not end$`,
		why:     "a lock that cannot be had for another reason than that it is held is waited for without end",
		long:    true,
	},
	{
		pattern: `: fsync root/docs #.*: exit code 1, and docs/NEW is sealed$`,
		why:     "a folder that cannot be synced after the seal ends the run as if nothing were sealed",
		long:    true,
	},
	{
		pattern: `^adopt: .*: exit code 1, and came/OLD is sealed$`,
		why:     "an adoption that fails after its seal says that it has failed, and not that the snapshot is sealed",
	},
	{
		pattern: `: (fchmod|fchmodat2?|fchown|fchownat|utimensat|fsetxattr|lsetxattr) .*: new snapshot: .*(has mode|has attributes|is of) `,
		why:     "metadata that the root refuses is lost without a word, and with exit code 0",
	},
	{
		pattern: `: l?(get|list)xattr source/.*: (new snapshot|the next backup is not as the source): .* has attributes `,
		why:     "attributes of a source that may not be read are left out without a word, and the next runs do not read them either",
		long:    true,
	},
	{
		pattern: `: (mknodat|symlinkat) root/docs/NEW\.partial/tree/.*: new snapshot: .*: is missing$`,
		why:     "a pipe or symbolic link that the root refuses is left out without a word, and with exit code 0",
		long:    true,
	},
	{
		pattern: `^heal: .*: then: docs/C: sub: is of `,
		why:     "a file that could not be replaced leaves its folder in a sealed snapshot with another time",
	},
}

// A tally counts how often known faults were found.
type tally struct {
	mu     sync.Mutex
	faults []fault
	match  []*regexp.Regexp
	found  []int
}

func newTally(faults []fault) *tally {
	t := &tally{faults: faults, found: make([]int, len(faults))}
	for _, f := range faults {
		t.match = append(t.match, regexp.MustCompile(f.pattern))
	}
	return t
}

// find returns what is known of a finding.
func (t *tally) find(text string) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, match := range t.match {
		if match.MatchString(text) {
			t.found[i]++
			return t.faults[i].why, true
		}
	}
	return "", false
}

// report tells which known faults were found, and which were not any more.
func (t *tally) report(test *testing.T) {
	test.Helper()
	for i, f := range t.faults {
		switch {
		case t.found[i] > 0:
			test.Logf("known, %d times: %s", t.found[i], f.why)
		case *long || !f.long:
			test.Logf("not found any more: %s", f.why)
		}
	}
}
