package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"phlb/cmd/phlb/show"
	"phlb/runtime"
)

// console is where output goes. While there is a line of progress, what is
// written to the terminal goes through it, to appear above.
type console struct {
	stdout, stderr io.Writer
	quiet          bool // only errors are worth a word

	mu     sync.Mutex
	line   *line // of progress; nil: there is none
	wrote  bool  // something to stdout
	failed error // the first to write there
}

func newConsole(stdout, stderr io.Writer) *console {
	return &console{stdout: stdout, stderr: stderr}
}

// writer is one of the two ways out of a console.
type writer struct {
	*console
	to     io.Writer
	result bool // not a message
}

func (c *console) out() io.Writer { return writer{c, c.stdout, true} }
func (c *console) err() io.Writer { return writer{c, c.stderr, false} }

// Write writes whole lines.
func (w writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrote = w.wrote || w.result
	if w.line != nil && isTerminal(w.to) {
		if n, err := w.line.Write(p); err == nil {
			return n, nil
		}
	}
	n, err := w.to.Write(p)
	if w.result && w.failed == nil {
		w.failed = err
	}
	return n, err
}

// warn says something that must be heard.
func (c *console) warn(format string, args ...any) {
	fmt.Fprintf(c.err(), "phlb: %s\n", runtime.Message(fmt.Sprintf(format, args...)))
}

// info says something that need not be heard.
func (c *console) info(format string, args ...any) {
	if !c.quiet {
		c.warn(format, args...)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width returns how many columns fit on stdout, 0 where that does not matter.
func (c *console) width() int {
	if !isTerminal(c.stdout) {
		return 0
	}
	width, _, err := term.GetSize(int(c.stdout.(*os.File).Fd()))
	if err != nil {
		return 0
	}
	return width
}

// logger shows what the engine has to say.
type logger struct {
	*console
	level slog.Level
	attrs []slog.Attr
}

var _ slog.Handler = (*logger)(nil)

// Enabled implements [slog.Handler].
func (l *logger) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level }

// Handle writes the message and the values of its attributes: "phlb: error:
// cannot be read: notes/secret: permission denied".
func (l *logger) Handle(_ context.Context, r slog.Record) error {
	parts := []string{paint(l.stderr, levels[r.Level], levelWord(r.Level)), r.Message}
	add := func(a slog.Attr) bool {
		parts = append(parts, attribute(a))
		return true
	}
	for _, a := range l.attrs {
		add(a)
	}
	r.Attrs(add)
	fmt.Fprintf(l.err(), "phlb: %s: %s\n", parts[0], runtime.Message(strings.Join(parts[1:], ": "))) // the first has a colour
	return nil
}

// WithAttrs implements [slog.Handler].
func (l *logger) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logger{l.console, l.level, append(l.attrs[:len(l.attrs):len(l.attrs)], attrs...)}
}

// WithGroup implements [slog.Handler]: names are not shown, and so are groups.
func (l *logger) WithGroup(string) slog.Handler { return l }

func levelWord(level slog.Level) string {
	if level == slog.LevelWarn {
		return "warning"
	}
	return strings.ToLower(level.String())
}

func attribute(a slog.Attr) string {
	if err, ok := a.Value.Any().(error); ok {
		var path *fs.PathError
		if errors.As(err, &path) {
			return runtime.Shown(path.Path) + ": " + cause(err).Error()
		}
		return runtime.Shown(err.Error())
	}
	if a.Value.Kind() == slog.KindTime {
		return a.Value.Time().Local().Format(time.DateTime)
	}
	return runtime.Shown(a.Value.String())
}

// cause returns the error without the path that it names.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// levels are the colours of messages.
var levels = map[slog.Level]show.Style{slog.LevelError: show.Red, slog.LevelWarn: show.Yellow}

// coloured reports whether w is a terminal, and colours are wanted.
func coloured(w io.Writer) bool {
	if through, ok := w.(writer); ok {
		w = through.to
	}
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// paint sets text in a style, where w is to be coloured.
func paint(w io.Writer, s show.Style, text string) string {
	if !coloured(w) {
		return text
	}
	return s.Set(text)
}
