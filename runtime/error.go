package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// An Error is what went wrong in a script or in a module it loads. The Go
// error beneath, if a builtin returned one or the context was cancelled, is
// found by errors.Is and errors.As.
type Error struct {
	Compile  bool      // a file does not compile; otherwise it failed as it ran
	Fault    bool      // the script is to be mended: neither did a builtin fail at its work, nor was it fail()
	Problems []Problem // one, or as many as the compiler found
	Stack    []Frame   // the calls and loads that led here, outermost first

	err error
}

// A Problem is one thing that is wrong, and where.
type Problem struct {
	Pos  syntax.Position
	Msg  string
	Line string // of the source; "" if unknown
}

// A Frame is one call under way.
type Frame struct {
	Pos  syntax.Position
	Name string
	Line string
}

// A UsageError is a command line that does not fit the script, or a call that
// does not fit the builtin.
type UsageError struct{ Msg string }

func (e *UsageError) Error() string { return e.Msg }

// ErrHelp is returned for a command line that asks for help.
var ErrHelp = errors.New("help requested")

// Error gives the first problem in one line.
func (e *Error) Error() string {
	s := e.Problems[0].String()
	if n := len(e.Problems) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

func (e *Error) Unwrap() error { return e.err }

// Detail gives all there is to say: every problem with its source line, and
// how the script got there. It has no newline at its end.
func (e *Error) Detail() string { return e.detail(Problem.String) }

// Whole is Detail with the whole message of a script, however long that is.
func (e *Error) Whole() string { return e.detail(Problem.whole) }

func (e *Error) detail(text func(Problem) string) string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(text(p))
		if p.Line != "" {
			line, col := excerpt(p.Line, int(p.Pos.Col))
			fmt.Fprintf(&b, "\n    %s\n    %s", line, caret(line, col))
		}
	}
	if len(e.Stack) < 2 && !e.Compile || len(e.Stack) == 0 {
		return b.String() // a stack that only repeats the problem's place
	}
	b.WriteString("\ntraceback, innermost last:")
	for _, f := range e.Stack {
		fmt.Fprintf(&b, "\n  %s", f)
		if f.Line != "" && f.Pos != e.Problems[0].Pos { // shown above
			line, _ := excerpt(strings.TrimSpace(f.Line), int(f.Pos.Col))
			fmt.Fprintf(&b, "\n    %s", line)
		}
	}
	return b.String()
}

// maxMessage is how much is shown of a message.
const maxMessage = 4 << 10

func (p Problem) String() string {
	if said, ok := strings.CutPrefix(p.Msg, "fail: "); ok { // by a script
		lines := strings.SplitN(said, "\n", maxLines)
		for i, line := range lines {
			lines[i] = short(line, maxShown)
		}
		p.Msg = "fail: " + strings.Join(lines, "\n")
	}
	if len(p.Msg) > maxMessage {
		p.Msg = firstBytes(p.Msg, maxMessage) + "…"
	}
	return p.whole()
}

func (p Problem) whole() string {
	if !p.Pos.IsValid() {
		return p.Msg
	}
	return p.Pos.String() + ": " + p.Msg
}

func (f Frame) String() string {
	switch {
	case f.builtin():
		return "in " + f.Name
	case f.Name == "<toplevel>", f.Name == "<expr>":
		return f.Pos.String() + ": at the top level"
	}
	return f.Pos.String() + ": in " + f.Name
}

// builtin says whether the frame is that of a function written in Go, for
// which Starlark knows no line.
func (f Frame) builtin() bool { return f.Pos.Line == 0 }

// settle turns the outcome of a run into what its caller gets.
func (s *session) settle(r *run, err error) error {
	cause, self := r.stopped()
	if err == nil {
		if !self {
			return nil // done before the cancellation could stop it
		}
		return &Error{Problems: []Problem{{Msg: cause.Error()}}, err: cause}
	}

	e := &Error{err: err}
	msg := s.unwind(e, err)
	// Starlark has no error value for a cancellation, but only its interpreter
	// notices one, between two steps of a function that is not a builtin. A
	// builtin that gave up says so in its own words, which are better, unless
	// it was this run itself that told it to.
	last := len(e.Stack) - 1
	noticed := last >= 0 && !e.Stack[last].builtin()
	if cause != nil && (noticed || self && errors.Is(err, context.Canceled)) {
		e.err = cause
		msg = s.unwind(e, cause)
	}
	for last = len(e.Stack) - 1; last >= 0 && e.Stack[last].builtin(); last-- {
		e.Stack = e.Stack[:last]
	}
	switch {
	case e.Compile: // a module has its own problems
	case last >= 0:
		p := s.problem(e.Stack[last].Pos, msg)
		p.Msg += s.function(p)
		e.Problems = []Problem{p}
	default:
		e.Problems = []Problem{{Msg: msg}}
	}
	return e
}

// function returns what to say where x.name(…) fails because x.name is a plain
// value and name(x, …) was meant, "" elsewhere. Starlark has no error value for
// that.
func (s *session) function(p Problem) string {
	if !strings.HasPrefix(p.Msg, "invalid call of non-function") {
		return ""
	}
	callee := []rune(p.Line)
	callee = callee[:min(len(callee), int(p.Pos.Col)-1)] // up to the parenthesis
	name := string(callee)[strings.LastIndexByte(string(callee), '.')+1:]
	if _, ok := s.all[name].(starlark.Callable); !ok {
		return ""
	}
	return fmt.Sprintf(": .%s is a value, and the function is %s(…)", name, name)
}

// A failure is the error of a builtin that was called rightly.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Failure marks err as no fault of the script. Builtins of a [Table] need not:
// their errors are taken for that, apart from a [UsageError].
func Failure(err error) error {
	if usage := (*UsageError)(nil); err == nil || errors.As(err, &usage) {
		return err
	}
	return &failure{err}
}

// Unpack is [starlark.UnpackArgs], with a [*UsageError].
func Unpack(name string, args starlark.Tuple, kwargs []starlark.Tuple, pairs ...any) error {
	if err := starlark.UnpackArgs(name, args, kwargs, pairs...); err != nil {
		return &UsageError{Msg: err.Error()}
	}
	return nil
}

// unwind adds to e the stacks of all threads that err passed through, and
// returns the message.
func (s *session) unwind(e *Error, err error) string {
	msg := err.Error()
	e.Fault = false
	for {
		var callback *callbackError
		var eval *starlark.EvalError
		if !errors.As(err, &eval) {
			break
		}
		if errors.As(err, &callback) && callback.err == eval {
			s.addCaller(e, callback.parent)
		}
		e.Stack = append(e.Stack, s.frames(eval.CallStack)...)
		err = eval.Unwrap()
		e.Fault = !failed(eval)

		var load *loadError
		if errors.As(err, &load) {
			msg = load.Error() // without "cannot load", which the stack says
		}
	}
	var module *Error
	if errors.As(err, &module) {
		e.Compile, e.Fault, e.Problems = module.Compile, module.Fault, module.Problems
	}
	return msg
}

// failed reports whether it was a builtin, or the script's own fail(), that
// ended a thread.
func failed(eval *starlark.EvalError) bool {
	if n := len(eval.CallStack); n > 0 && eval.CallStack[n-1].Name == "fail" && eval.CallStack[n-1].Pos.Line == 0 {
		return true
	}
	var f *failure
	return errors.As(eval.Unwrap(), &f)
}

// addCaller adds how a callback came to be called, as far as the stack of the
// thread that waited for it has not said so.
func (s *session) addCaller(e *Error, parent starlark.CallStack) {
	caller := s.frames(parent)
	i := 0
	for i < min(len(caller), len(e.Stack)) && caller[i] == e.Stack[i] {
		i++
	}
	e.Stack = append(e.Stack, caller[i:]...)
}

func (s *session) frames(stack starlark.CallStack) []Frame {
	frames := make([]Frame, len(stack))
	for i, f := range stack {
		frames[i] = Frame{Pos: f.Pos, Name: f.Name, Line: s.line(f.Pos)}
	}
	return frames
}

func (s *session) problem(pos syntax.Position, msg string) Problem {
	return Problem{Pos: pos, Msg: msg, Line: s.line(pos)}
}

// line returns the source line at pos, "" if there is none. Starlark takes a
// lone carriage return for the end of a line too.
func (s *session) line(pos syntax.Position) string {
	rest := s.sources[pos.Filename()]
	for n := pos.Line; n > 0 && rest != ""; n-- {
		end := strings.IndexAny(rest, "\r\n")
		if end < 0 {
			end = len(rest)
		}
		if n == 1 {
			return strings.ToValidUTF8(rest[:end], string(utf8.RuneError))
		}
		rest = strings.TrimPrefix(rest[end:], "\r")
		rest = strings.TrimPrefix(rest, "\n")
	}
	return ""
}

// excerpt returns what is shown of a source line, and which column of that is
// column col.
func excerpt(line string, col int) (string, int) {
	r := []rune(line)
	if len(r) <= maxShown {
		return line, col
	}
	from := max(0, min(col-maxShown/2, len(r)-maxShown))
	return string(r[from : from+maxShown]), col - from
}

// caret returns a line with a caret under column col of line, counted in runes
// from 1. Tabs stay tabs, so that it lines up however wide they are shown.
func caret(line string, col int) string {
	var b strings.Builder
	for _, r := range line {
		if col--; col <= 0 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String() + "^"
}
