package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-runewidth"
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

// keyBindings are those that not every inputrc has. The arrows move within a
// statement of several lines before they leave it for another one.
var keyBindings = map[string]string{
	`\M-[A`: "up-line-or-history", `\M-OA`: "up-line-or-history",
	`\M-[B`: "down-line-or-history", `\M-OB`: "down-line-or-history",
	`\M-[H`: "beginning-of-line", `\M-OH`: "beginning-of-line", `\M-[1~`: "beginning-of-line",
	`\M-[F`: "end-of-line", `\M-OF`: "end-of-line", `\M-[4~`: "end-of-line",
	`\M-[3~`:   "delete-char",
	`\M-[1;5C`: "forward-word", `\M-[1;5D`: "backward-word",
	`\C-i`: "menu-complete",
}

func newEditor(r *repl) *editor {
	e := &editor{repl: r, shell: readline.NewShell(), question: readline.NewShell()}
	e.shell.Prompt.Primary(func() string { return "phlb> " })
	e.shell.AcceptMultiline = func(line []rune) bool { return complete(string(line)) }
	e.shell.Completer = e.completions
	e.question.History.Delete()
	for keys, action := range keyBindings {
		for _, keymap := range []string{"emacs", "emacs-standard"} {
			e.shell.Config.Bind(keymap, inputrc.Unescape(keys), action, false)
		}
	}
	e.shell.Config.Set("menu-complete-display-prefix", true)
	e.shell.Config.Set("enable-bracketed-paste", true)
	for _, shell := range []*readline.Shell{e.shell, e.question} {
		// What is typed while the terminal answers would be lost.
		shell.Config.Set("cursor-position-probe", false)
		shell.SyntaxHighlighter = r.keepRoom
	}
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

// keepRoom is called before a line is shown, and sees to it that there are rows
// below the cursor for all of it and one more: the line editor, which does not
// know where it is on the screen, would draw over what is above.
func (r *repl) keepRoom(line []rune) string {
	text := string(line)
	rows := 2 + strings.Count(text, "\n")
	if width := r.width(); width > 0 {
		rows += runewidth.StringWidth(text) / width
	}
	fmt.Fprintf(r.stdout, "%s\x1b[%dA", strings.Repeat("\n", rows), rows)
	return text
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
		if strings.TrimSpace(e.text) != "" {
			if text, line := e.take(); text != "" {
				return text, line, nil
			}
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
