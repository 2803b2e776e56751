package ask

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrReadOnly says that a question is not one statement that reads.
var ErrReadOnly = errors.New("a question is one statement that reads: SELECT, WITH, VALUES or EXPLAIN")

// An Error is what is wrong with a question.
type Error struct {
	Statement string
	At        int // byte offset of what is wrong, -1 where that is not known
	Msg       string
	Unknown   string   // a name that means nothing here, "" if that is not it
	Known     []string // those that would have

	err error
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

// Unwrap returns [ErrReadOnly] where that is what is wrong.
func (e *Error) Unwrap() error { return e.err }
