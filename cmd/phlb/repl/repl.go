// Package repl is a session in which statements of scripts and of SQL are
// evaluated as they are typed.
//
// [Run] holds a session at a terminal, or with what it reads from a file or a
// pipe. The terminal, the clock and what scripts may do are handed in as a
// [Config]; a session that has no terminal can be tested with strings.
package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.starlark.net/starlark"

	"phlb/builtins"
	"phlb/cmd/phlb/show"
	"phlb/engine"
	"phlb/runtime"
	"phlb/scripts"
)

// Config is what a session works with.
type Config struct {
	Engine  *engine.Engine
	Session *builtins.Session // the names that statements can use
	Version string            // to greet with

	In       io.Reader // statements, where there is no terminal
	Terminal *os.File  // where somebody types and looks; nil: there is none
	History  string    // file of the statements that were typed there; "": nowhere
	Out, Err io.Writer
	Width    func() int // of Out, 0 for any
	Colours  bool

	Now   func() time.Time                       // is asked before each statement
	Watch func(p *engine.Progress) (stop func()) // shows how a statement gets on
	Limit func(*runtime.Host)                    // what statements may compute
	JSON  bool
	Yes   bool // effects need not be confirmed

	Questions func() []string // the names of the saved ones
}

// repl is a session.
type repl struct {
	Config
	*runtime.REPL
	ctx    context.Context   // of the session
	query  starlark.Callable // the builtin, whatever query means by now
	source source
	ending bool // .quit

	language string // of what begins with SELECT

	layout show.Layout
	timer  bool
	said   []string // statements that went well, for .save

	mu        sync.Mutex
	interrupt context.CancelFunc // stops the turn
	stopped   time.Time          // when it was
}

// source is where statements come from.
type source interface {
	// next returns the next statement, and the line that it begins on. It ends
	// with io.EOF, and with context.Canceled if it is interrupted.
	next(context.Context) (text string, line int, err error)
	// drop forgets statements that have been entered, and not been returned.
	drop()
	// confirm asks whether something is to be done.
	confirm(ctx context.Context, question string) (bool, error)
	name() string      // of the source, in messages
	interactive() bool // whether somebody waits for an answer
}

// Run holds a session until it is left or, without a terminal, until a statement
// fails.
func Run(parent context.Context, config Config) error {
	r := &repl{Config: config, layout: show.Layout{Mode: "table"}, language: builtins.SQL}
	if r.JSON {
		r.layout.Mode = "json"
	}
	r.source = newReader(r.In)
	if r.Terminal != nil {
		editor, err := newEditor(r)
		if err != nil {
			return err
		}
		defer editor.restore()
		r.source = editor
		r.layout.Most = 100
	}
	host := &runtime.Host{
		Names: r.Session.Names(), Modules: map[string]*runtime.Module{"std": {Label: "@std", Files: scripts.FS}}, Now: r.Session.Now, Print: r.Out,
		Docs: r.Session.Tables(), Confirm: r.confirm,
	}
	r.Limit(host)
	r.query = host.Names["query"].(starlark.Callable)
	r.REPL = host.NewREPL(r.source.name())

	// An interrupt stops a statement and not the session, unless the statement does not
	// stop and somebody asks again. Whatever else ends the process ends the session
	// first.
	ctx, end := context.WithCancelCause(context.WithoutCancel(parent))
	defer end(nil)
	r.ctx = ctx
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	go func() {
		for s := range signals {
			if s != os.Interrupt || !r.source.interactive() || !r.stop() {
				end(fmt.Errorf("%w: %w by a signal: %v", context.Canceled, runtime.ErrOver, s))
			}
		}
	}()
	return r.loop()
}

// loop evaluates statement after statement. Without somebody to see what went
// wrong, the first error ends it.
func (r *repl) loop() error {
	if r.source.interactive() {
		r.greet()
	}
	for !r.ending {
		ctx, over := r.turn()
		text, line, err := r.source.next(ctx)
		read := err == nil
		if read {
			err = r.evaluate(ctx, text, line)
		}
		if ctx.Err() != nil {
			r.source.drop()
		}
		over()
		switch {
		case r.ctx.Err() != nil:
			return context.Cause(r.ctx)
		case err == nil:
		case err == io.EOF && !read:
			return nil
		case r.source.interactive() && (read || errors.Is(err, context.Canceled)):
			r.complain(err)
		default:
			return err
		}
	}
	return nil
}

// turn begins what an interrupt will stop: to read a statement and evaluate it.
func (r *repl) turn() (ctx context.Context, over func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	r.mu.Lock()
	r.interrupt = cancel
	r.mu.Unlock()
	return ctx, cancel
}

func (r *repl) greet() {
	all, err := r.Engine.Snapshots(r.ctx, "")
	what := show.Count(int64(len(all)), "snapshot")
	if err != nil {
		what = err.Error()
	}
	fmt.Fprintf(r.Out, "phlb %s: %s in %s\nhelp() and .help say what there is, Ctrl-D ends.\n", r.Version, what, r.Engine.Config.BackupPath)
}

// complain says what went wrong, and the session goes on.
func (r *repl) complain(err error) {
	var failed *runtime.Error
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(r.Err, "interrupted")
	case errors.Is(err, errNotDone):
		fmt.Fprintln(r.Err, errNotDone)
	case errors.As(err, &failed):
		fmt.Fprintln(r.Err, runtime.Message(failed.Detail()))
	default:
		fmt.Fprintln(r.Err, runtime.Message(err.Error()))
	}
}

// stop stops the turn, and reports false if it was to stop a while ago.
func (r *repl) stop() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.interrupt == nil {
		return time.Since(r.stopped) < patience
	}
	r.interrupt()
	r.interrupt, r.stopped = nil, time.Now()
	return true
}

// patience is how long a turn has to stop before an interrupt ends the session.
const patience = time.Second

// evaluate does what a statement says.
func (r *repl) evaluate(ctx context.Context, text string, line int) error {
	r.Session.Now = r.Now().Local()
	r.SetNow(r.Session.Now)
	hide := r.Watch(r.Engine.Progress)
	defer hide()

	started := time.Now()
	var err error
	switch kindOf(text) {
	case dotted:
		return r.dot(ctx, strings.TrimSpace(text))
	case selecting:
		lead := text[:len(text)-len(strings.TrimLeft(text, " \t\r\n"))]
		err = r.asks(ctx, []string{strings.TrimRight(strings.TrimSpace(text), ";")})
		err = show.StatementError(r.source.name(), line+strings.Count(lead, "\n"), err)
	case saved:
		err = r.asks(ctx, words(strings.TrimRight(strings.TrimSpace(text), ";")))
		err = show.StatementError(r.source.name(), 1, err)
	default:
		if word := strings.TrimSuffix(strings.TrimSpace(text), "()"); (word == "exit" || word == "quit") && !slices.Contains(r.Names(), word) {
			r.ending = true
			return nil
		}
		shown := starlark.Value(nil)
		err = r.Eval(ctx, line, text, func(v starlark.Value) error {
			shown = v
			return r.show(ctx, v)
		})
		if err == nil {
			r.say(text, shown)
		}
	}
	if r.timer {
		fmt.Fprintf(r.Out, "took %v\n", time.Since(started).Round(time.Millisecond))
	}
	return err
}

// asks asks the catalog: a statement, or a saved question with its values.
func (r *repl) asks(ctx context.Context, words []string) error {
	var args starlark.Tuple
	var call []string
	for _, word := range words {
		args = append(args, starlark.String(word))
		call = append(call, args[len(args)-1].String())
	}
	var kwargs []starlark.Tuple
	if r.language != builtins.SQL && !strings.HasPrefix(words[0], "@") {
		kwargs = []starlark.Tuple{{starlark.String("language"), starlark.String(r.language)}}
		call = append(call, "language = "+starlark.String(r.language).String())
	}
	query := starlark.NewBuiltin("query", func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return starlark.Call(thread, r.query, args, kwargs)
	})
	err := r.Call(ctx, query, args, func(v starlark.Value) error { return r.show(ctx, v) })
	if err == nil {
		r.said = append(r.said, "_ = query("+strings.Join(call, ", ")+")\nfor _row in _:\n    print(*_row)\n")
	}
	return err
}

// errNotDone is an effect that was not confirmed.
var errNotDone = errors.New("not done")

// confirm asks before an effect.
func (r *repl) confirm(ctx context.Context, call string) error {
	if r.Yes {
		return nil
	}
	if !r.source.interactive() {
		return fmt.Errorf("%s has an effect, and nobody is there to confirm it: phlb repl --yes", call)
	}
	ok, err := r.source.confirm(ctx, show.Printable(call)+" has an effect. Go on? [y/N] ")
	if err == nil && !ok {
		err = errNotDone
	}
	return err
}

// kind is what a statement is.
type kind int

const (
	script kind = iota
	selecting
	saved
	dotted
)

func kindOf(text string) kind {
	text = strings.TrimLeft(text, " \t\r\n")
	if strings.HasPrefix(text, ".") {
		return dotted
	}
	if strings.HasPrefix(text, "@") {
		return saved
	}
	for _, word := range []string{"SELECT", "EXPLAIN", "WITH", "VALUES"} {
		if len(text) < len(word) || !strings.EqualFold(text[:len(word)], word) {
			continue
		}
		// A script may have a variable called so.
		rest := strings.TrimLeft(text[len(word):], " \t")
		if rest == "" || rest[0] != text[len(word)] && !strings.HasPrefix(rest, "=") || strings.ContainsAny(rest[:1], "\r\n*") {
			return selecting
		}
	}
	return script
}

// statementLength returns how many bytes at the beginning of text are one
// statement, 0 if it goes on behind the text.
func statementLength(text string) int {
	switch kindOf(text) {
	case dotted, saved:
		lead := len(text) - len(strings.TrimLeft(text, " \t\r\n"))
		if i := strings.IndexByte(text[lead:], '\n'); i >= 0 {
			return lead + i + 1
		}
		return 0
	case selecting:
		n, _ := scanSQL(text)
		if n > 0 && strings.HasPrefix(strings.TrimLeft(text[n:], " \t\r"), "\n") {
			n += strings.IndexByte(text[n:], '\n') + 1
		}
		return n
	}
	return runtime.Chunk(text)
}
