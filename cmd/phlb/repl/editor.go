package repl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"github.com/reeflective/readline"
	"github.com/reeflective/readline/inputrc"
)

// editor reads statements from a terminal.
type editor struct {
	*repl
	*keyboard
	shell    *readline.Shell
	question *readline.Shell // asks for yes or no
	statements
	lines int    // that have been entered
	ahead []byte // typed, and not used yet
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

// newEditor takes the terminal, until its keyboard is restored.
func newEditor(r *repl) (*editor, error) {
	keyboard, err := openKeyboard(r.Terminal)
	if err != nil {
		return nil, err
	}
	e := &editor{repl: r, keyboard: keyboard, shell: readline.NewShell(), question: readline.NewShell()}
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
		// An ä is no Alt-d, and what arrives in two parts is one.
		shell.Config.Set("convert-meta", false)
		shell.Config.Set("output-meta", true)
		shell.SyntaxHighlighter = r.keepRoom
		insert := shell.Keymap.Commands()["self-insert"]
		shell.Keymap.Register(map[string]func(){"self-insert": func() {
			keys := shell.Keys.Caller()
			if len(keys) == 1 && keys[0] < utf8.RuneSelf {
				insert()
				return
			}
			// It would insert the first rune of a character, and move by its width.
			shell.History.SkipSave()
			shell.Cursor().InsertAt(keys...)
		}})
	}
	e.shell.History.Delete()
	if path := r.History; path != "" {
		os.MkdirAll(filepath.Dir(path), 0o700)
		if f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600); err == nil {
			f.Close()
		}
		if history, err := readline.NewHistoryFromFile(path); err == nil {
			e.shell.History.Add("phlb", history)
			return e, nil
		}
	}
	e.shell.History.Add("phlb", readline.NewInMemoryHistory())
	return e, nil
}

// keepRoom is called before a line is shown, and sees to it that there are rows
// below the cursor for all of it and one more: the line editor, which does not
// know where it is on the screen, would draw over what is above.
func (r *repl) keepRoom(line []rune) string {
	text := string(line)
	rows := 2 + strings.Count(text, "\n")
	if width := r.Width(); width > 0 {
		rows += runewidth.StringWidth(text) / width
	}
	fmt.Fprintf(r.Out, "%s\x1b[%dA", strings.Repeat("\n", rows), rows)
	return text
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

func (e *editor) next(ctx context.Context) (string, int, error) {
	for {
		if strings.TrimSpace(e.text) != "" {
			if text, line := e.take(); text != "" {
				return text, line, nil
			}
		}
		text, err := e.read(ctx, e.shell)
		switch {
		case ctx.Err() != nil:
			return "", 0, ctx.Err()
		case errors.Is(err, readline.ErrInterrupt):
			continue // the line is dropped
		case err != nil:
			return "", 0, err
		}
		e.statements = statements{text: strings.TrimRight(text, " \t\r\n") + "\n\n", line: e.lines + 1}
		e.lines += strings.Count(text, "\n") + 1
	}
}

const interrupt = '\x03' // the key

// read reads what is typed, unless ctx ends that. It begins with what was typed
// ahead. If Ctrl-C is what was typed behind it, that is as good as an end of
// ctx: the terminal did not see to it then.
func (e *editor) read(ctx context.Context, shell *readline.Shell) (string, error) {
	if err := e.hold(); err != nil {
		return "", err
	}
	e.ahead = append(e.ahead, e.typed()...)
	shell.Keys.Feed(false, []rune(strings.ReplaceAll(string(e.ahead), "\n", "\r"))...)
	e.ahead = nil
	var text string
	var err error
	done := make(chan struct{})
	go func() {
		text, err = shell.Readline()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		shell.Keys.Feed(true, interrupt)
		shell.Keys.RequestRefresh()
		<-done
	}
	e.ahead = append(unused(shell), e.typed()...)
	if i := bytes.LastIndexByte(e.ahead, interrupt); i >= 0 && err == nil {
		e.ahead = e.ahead[i+1:]
		return "", context.Canceled
	}
	return text, err
}

// unused takes the keys that a line editor was given and did not use.
func unused(shell *readline.Shell) []byte {
	const end = unicode.MaxRune
	var read, fed []byte
	shell.Keys.Feed(false, end)
	for {
		key, _ := shell.Keys.ReadKey() // of those it was fed
		if key == end {
			break
		}
		fed = utf8.AppendRune(fed, key)
	}
	for {
		key, none := shell.Keys.Pop() // of those it has read
		if none {
			return append(read, fed...)
		}
		read = append(read, key)
	}
}

// drop forgets what was typed ahead.
func (e *editor) drop() {
	e.statements.drop()
	e.ahead = nil
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
