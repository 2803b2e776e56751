package repl

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// statements takes statements off a text.
type statements struct {
	text string
	line int // of its beginning
}

// take returns the first statement, "" if it goes on behind the text.
func (s *statements) take() (text string, line int) {
	n := statementLength(s.text)
	text, line = s.text[:n], s.line
	s.text = s.text[n:]
	s.line += strings.Count(text, "\n")
	return text, line
}

// drop forgets the rest of the text.
func (s *statements) drop() { s.text = "" }

// reader reads statements from a file or a pipe.
type reader struct {
	in *bufio.Reader
	statements
	ended bool
}

var _ source = (*reader)(nil)

func newReader(in io.Reader) *reader {
	return &reader{in: bufio.NewReader(in), statements: statements{line: 1}}
}

func (r *reader) next(context.Context) (string, int, error) {
	for {
		if !r.mayGoOn() {
			if text, line := r.take(); text != "" {
				return text, line, nil
			}
		}
		if r.ended {
			text, line := r.text, r.line
			if r.text = ""; strings.TrimSpace(text) == "" {
				return "", 0, io.EOF
			}
			return text, line, nil // evaluating it says what is missing
		}
		more, err := r.in.ReadString('\n')
		if err != nil && err != io.EOF {
			return "", 0, err
		}
		r.text += more
		r.ended = err == io.EOF
	}
}

// mayGoOn reports whether the text ends in a block and a blank line: what comes
// next says whether that was the end of it.
func (r *reader) mayGoOn() bool {
	lines := strings.SplitAfter(r.text, "\n")
	n := len(lines)
	return !r.ended && n > 2 && strings.TrimSpace(lines[n-2]) == "" && lines[n-1] == "" && kindOf(r.text) == script &&
		strings.TrimSpace(r.text) != "" && statementLength(r.text) == len(r.text)
}

func (r *reader) confirm(context.Context, string) (bool, error) {
	return false, errors.New("nobody is there")
}

func (r *reader) name() string      { return "stdin" }
func (r *reader) interactive() bool { return false }
