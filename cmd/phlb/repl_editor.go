package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/reeflective/readline"
	"github.com/reeflective/readline/inputrc"
	"golang.org/x/term"
)

// editor reads statements from a terminal.
type editor struct {
	*repl
	shell    *readline.Shell
	question *readline.Shell // asks for yes or no
	statements
	lines int // that have been entered
}

var _ source = (*editor)(nil)

func newEditor(r *repl) *editor {
	e := &editor{repl: r, shell: readline.NewShell(), question: readline.NewShell()}
	e.shell.Prompt.Primary(func() string { return "phlb> " })
	e.shell.AcceptMultiline = func(line []rune) bool { return complete(string(line)) }
	e.shell.Completer = e.completions
	e.question.History.Delete()
	// The arrows move within a statement of several lines before they leave it.
	for _, keymap := range []string{"emacs", "emacs-standard"} {
		for keys, action := range map[string]string{
			`\M-[A`: "up-line-or-history", `\M-OA`: "up-line-or-history",
			`\M-[B`: "down-line-or-history", `\M-OB`: "down-line-or-history",
			`\C-i`: "menu-complete",
		} {
			e.shell.Config.Bind(keymap, inputrc.Unescape(keys), action, false)
		}
	}
	e.shell.Config.Set("menu-complete-display-prefix", true)
	e.shell.History.Delete()
	if path := historyFile(); path != "" {
		os.MkdirAll(filepath.Dir(path), 0o700)
		if f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600); err == nil {
			f.Close()
		}
		if history, err := readline.NewHistoryFromFile(path); err == nil {
			e.shell.History.Add("phlb", history)
			return e
		}
	}
	e.shell.History.Add("phlb", readline.NewInMemoryHistory())
	return e
}

// historyFile is where statements are remembered from session to session, "" if
// there is no place for it.
func historyFile() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "phlb", "history")
}

// complete reports whether a text ends with a statement.
func complete(text string) bool {
	s := statements{text: text + "\n"}
	for strings.TrimSpace(s.text) != "" {
		if taken, _ := s.take(); taken == "" {
			return false
		}
	}
	return true
}

func (e *editor) next() (string, int, error) {
	for {
		if text, line := e.take(); text != "" {
			return text, line, nil
		}
		text, err := e.read(e.ctx, e.shell)
		switch {
		case errors.Is(err, readline.ErrInterrupt):
			continue // the line is dropped
		case err != nil:
			return "", 0, err
		}
		e.statements = statements{text: strings.TrimRight(text, " \t\r\n") + "\n\n", line: e.lines + 1}
		e.lines += strings.Count(text, "\n") + 1
	}
}

// read reads what is typed, unless ctx ends that. What the terminal was set to
// is set again then.
func (e *editor) read(ctx context.Context, shell *readline.Shell) (string, error) {
	type typed struct {
		text string
		err  error
	}
	was, err := term.GetState(int(os.Stdin.Fd()))
	if err != nil {
		return "", err
	}
	done := make(chan typed, 1)
	go func() {
		text, err := shell.Readline()
		done <- typed{text, err}
	}()
	select {
	case t := <-done:
		return t.text, t.err
	case <-ctx.Done():
		term.Restore(int(os.Stdin.Fd()), was)
		return "", context.Cause(ctx)
	}
}

func (e *editor) confirm(ctx context.Context, question string) (bool, error) {
	e.question.Prompt.Primary(func() string { return question })
	answer, err := e.read(ctx, e.question)
	if errors.Is(err, readline.ErrInterrupt) {
		return false, context.Canceled
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", err
}

func (e *editor) name() string      { return "repl" }
func (e *editor) interactive() bool { return true }
