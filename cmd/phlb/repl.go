package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.starlark.net/starlark"

	"phlb/builtins"
	"phlb/engine"
	"phlb/engine/catalog"
	"phlb/runtime"
	"phlb/scripts"
)

// repl is a session in which one statement is evaluated after the other.
type repl struct {
	*command
	*runtime.REPL
	ctx    context.Context // of the session
	engine *engine.Engine
	query  starlark.Callable // the builtin, whatever query means by now
	source source
	tick   func() // sets the clock for a statement
	yes    bool   // effects need not be confirmed
	ending bool   // .quit

	layout layout
	timer  bool
	said   []string // statements that went well, for .save

	mu        sync.Mutex
	interrupt context.CancelFunc // stops the turn
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

func (c *command) repl() *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "repl",
		Short: "Try things out: statements of scripts and of QL, one by one.",
		Long: "Evaluate statements of scripts as they are typed, and SELECT statements up to\n" +
			"their semicolon. Effects ask before they happen. help() lists what scripts can\n" +
			"do, .help the commands of the session. Ctrl-C stops what is running, Ctrl-D ends\n" +
			"the session.\n\n" +
			"Without a terminal, statements are read from stdin up to the first that fails.",
		Example: "  echo 'SELECT name, started FROM snapshots;' | phlb repl",
		Args:    arguments(0, "phlb repl [--yes]"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.converse(cmd.Context(), yes, !cmd.Flags().Changed("now"))
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask before effects")
	return cmd
}

func (c *command) converse(parent context.Context, yes, ticking bool) error {
	e, err := c.engine(false)
	if err != nil {
		return err
	}
	defer e.Close()
	r := &repl{command: c, engine: e, yes: yes, layout: layout{mode: "table"}}
	if c.json {
		r.layout.mode = "json"
	}
	if isTerminal(c.stdout) && c.stdin == os.Stdin && isTerminal(os.Stdin) {
		editor, err := newEditor(r)
		if err != nil {
			return err
		}
		defer editor.restore()
		r.source = editor
		r.layout.most = 100
	} else {
		r.source = newReader(c.stdin)
	}
	session := c.newSession(e)
	r.tick = func() {
		if ticking {
			c.now = time.Now()
			session.Now = c.now.Local()
			r.SetNow(session.Now)
		}
	}
	docs := map[string]runtime.Table{
		"": session.Table(), "Snapshot": builtins.SnapshotMethods, "http": session.HTTPTable(),
	}
	host := &runtime.Host{
		Names: session.Names(), Modules: map[string]fs.FS{"std": scripts.FS}, Now: c.now.Local(), Print: c.out(),
		Docs: docs, Confirm: r.confirm,
	}
	r.query = host.Names["query"].(starlark.Callable)
	r.REPL = host.NewREPL(r.source.name())

	// An interrupt stops a statement and not the session. Whatever else ends
	// the process ends the session first.
	ctx, end := context.WithCancelCause(context.WithoutCancel(parent))
	defer end(nil)
	r.ctx = ctx
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	go func() {
		for s := range signals {
			if s != os.Interrupt {
				end(fmt.Errorf("ended by a signal: %v", s))
			} else if r.source.interactive() {
				r.stop()
			} else {
				end(context.Canceled)
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
	all, err := r.engine.Snapshots(r.ctx, "")
	what := count(int64(len(all)), "snapshot")
	if err != nil {
		what = err.Error()
	}
	fmt.Fprintf(r.out(), "phlb %s: %s in %s\nhelp() and .help say what there is, Ctrl-D ends.\n", version, what, r.engine.Config.BackupPath)
}

// complain says what went wrong, and the session goes on.
func (r *repl) complain(err error) {
	var failed *runtime.Error
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(r.err(), "interrupted")
	case errors.Is(err, errNotDone):
		fmt.Fprintln(r.err(), errNotDone)
	case errors.As(err, &failed):
		fmt.Fprintln(r.err(), failed.Detail())
	default:
		fmt.Fprintln(r.err(), err)
	}
}

// stop stops the turn.
func (r *repl) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.interrupt != nil {
		r.interrupt()
	}
}

// evaluate does what a statement says.
func (r *repl) evaluate(ctx context.Context, text string, line int) error {
	r.tick()
	hide := r.command.show(r.engine.Progress)
	defer hide()

	started := time.Now()
	said := text
	var err error
	switch kindOf(text) {
	case dotted:
		return r.dot(ctx, strings.TrimSpace(text))
	case selecting:
		statement := strings.TrimRight(strings.TrimSpace(text), ";")
		said = "query(" + starlark.String(statement).String() + ")\n"
		err = r.Call(ctx, r.query, starlark.Tuple{starlark.String(statement)}, func(v starlark.Value) error { return r.show(ctx, v) })
		var e *catalog.StatementError
		if errors.As(err, &e) {
			lead := text[:len(text)-len(strings.TrimLeft(text, " \t\r\n"))]
			err = statementError(r.source.name(), line+strings.Count(lead, "\n"), e)
		}
	default:
		err = r.Eval(ctx, line, text, func(v starlark.Value) error { return r.show(ctx, v) })
	}
	if err == nil && strings.TrimSpace(said) != "" {
		r.said = append(r.said, strings.TrimRight(said, "\r\n")+"\n")
	}
	if r.timer {
		fmt.Fprintf(r.out(), "took %v\n", time.Since(started).Round(time.Millisecond))
	}
	return err
}

// errNotDone is an effect that was not confirmed.
var errNotDone = errors.New("not done")

// confirm asks before an effect.
func (r *repl) confirm(ctx context.Context, call string) error {
	if r.yes {
		return nil
	}
	if !r.source.interactive() {
		return fmt.Errorf("%s has an effect, and nobody is there to confirm it: phlb repl --yes", call)
	}
	ok, err := r.source.confirm(ctx, printable(call)+" has an effect. Go on? [y/N] ")
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
	dotted
)

func kindOf(text string) kind {
	text = strings.TrimLeft(text, " \t\r\n")
	if strings.HasPrefix(text, ".") {
		return dotted
	}
	for _, word := range []string{"SELECT", "EXPLAIN"} {
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
	case dotted:
		lead := len(text) - len(strings.TrimLeft(text, " \t\r\n"))
		if i := strings.IndexByte(text[lead:], '\n'); i >= 0 {
			return lead + i + 1
		}
		return 0
	case selecting:
		n := catalog.Length(text)
		if n > 0 && strings.HasPrefix(strings.TrimLeft(text[n:], " \t\r"), "\n") {
			n += strings.IndexByte(text[n:], '\n') + 1
		}
		return n
	}
	return runtime.Chunk(text)
}
