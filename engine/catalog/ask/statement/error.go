package statement

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"phlb/runtime/spelling"
)

// ErrReadOnly says that a question is not one statement that reads.
var ErrReadOnly = errors.New("a question is one statement that reads: SELECT, WITH, VALUES or EXPLAIN")

// An Error is what is wrong with a question.
type Error struct {
	Statement string
	At        int // byte offset of what is wrong, -1 where that is not known
	Msg       string

	Err error // ErrReadOnly where that is what is wrong
}

// meant adds to the message which name somebody may have meant.
func (e *Error) meant(unknown string, known []string) {
	if near := nearest(unknown, known); near != "" {
		e.Msg += ": did you mean " + near + "?"
	}
}

// nearest is [spelling.Nearest] in any case.
func nearest(unknown string, known []string) string {
	small := make([]string, len(known))
	for i, k := range known {
		small[i] = strings.ToLower(k)
	}
	if near := spelling.Nearest(strings.ToLower(unknown), small); near != "" {
		return known[slices.Index(small, near)]
	}
	return ""
}

// Error says what is wrong, behind line and column where they are known.
func (e *Error) Error() string {
	if e.At < 0 {
		return e.Msg
	}
	line, column, _ := e.Place()
	return fmt.Sprintf("%d:%d: %s", line, column, e.Msg)
}

// Place returns the line and the column, in characters from 1, of what is
// wrong, and the text of the line. They are 0 where that is not known.
func (e *Error) Place() (line, column int, text string) {
	if e.At < 0 {
		return 0, 0, ""
	}
	before := e.Statement[:e.At]
	start := strings.LastIndex(before, "\n") + 1
	text, _, _ = strings.Cut(e.Statement[start:], "\n")
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1, text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
