package repl

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"phlb/cmd/phlb/show"
	"phlb/runtime"
)

// say notes a statement that went well, as a script would have it: what the session
// has shown, the script prints.
func (r *repl) say(statement string, shown starlark.Value) {
	statement = strings.TrimRight(statement, " \t\r\n") + "\n"
	tree, err := (&syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, LoadBindsGlobally: true}).Parse("", statement, 0)
	if err != nil || len(tree.Stmts) == 0 || callsHelp(tree) {
		return
	}
	last, ok := tree.Stmts[len(tree.Stmts)-1].(*syntax.ExprStmt)
	if shown == nil || !ok {
		r.said = append(r.said, statement)
		return
	}
	start, _ := last.Span()
	before, expression := split(statement, start)
	printed := "print(_)\n"
	if _, stream := shown.(show.Stream); stream {
		printed = "for _row in _:\n    print(_row)\n"
	}
	r.said = append(r.said, before+"_ = ("+strings.TrimRight(expression, "; \n")+"\n)\n"+printed) // behind a comment, too
}

// callsHelp reports whether statements call help, which scripts do not have.
func callsHelp(tree *syntax.File) (is bool) {
	syntax.Walk(tree, func(n syntax.Node) bool {
		if id, ok := n.(*syntax.Ident); ok && id.Name == "help" {
			is = true
		}
		return true
	})
	return is
}

// split cuts a text at a position of it.
func split(text string, at syntax.Position) (before, behind string) {
	offset := 0
	for line := int32(1); line < at.Line; line++ {
		offset += strings.IndexByte(text[offset:], '\n') + 1
	}
	runes := []rune(text[offset:])
	offset += len(string(runes[:at.Col-1]))
	return text[:offset], text[offset:]
}

// dotSave writes a new file: none is overwritten.
func (r *repl) dotSave(_ context.Context, arg string) error {
	if arg == "" {
		return runtime.Usagef("which file? .save FILE.star")
	}
	f, err := os.OpenFile(r.Engine.Expand(arg), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return runtime.Usagef("%s is there already: choose another name", arg)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString("#!/usr/bin/env -S phlb exec\n" + strings.Join(r.said, ""))
	return errors.Join(err, f.Close())
}
