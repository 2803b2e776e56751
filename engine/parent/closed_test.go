package parent

import (
	"errors"
	"io/fs"
	"testing"

	"phlb/engine/walk"
)

func TestHide(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		closed, path string
		hidden       bool
	}{
		{"a", "a", true}, {"a", "a/b/c", true}, {"a", "ab", false}, {"a/b", "a", false}, {"a", ".", false},
		{".", "a", true}, {".", "a/b", true}, {".", ".", true},
	} {
		c := Closed{}
		c.Note(&walk.Batch{Errors: []error{&fs.PathError{Op: "readdir", Path: test.closed, Err: errors.ErrUnsupported}}})
		if got := c.Hide(test.path); got != test.hidden {
			t.Errorf("%s is closed; %s is hidden: %v", test.closed, test.path, got)
		}
	}
}
