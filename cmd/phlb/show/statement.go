package show

import (
	"errors"

	"go.starlark.net/syntax"

	"phlb/builtins"
	"phlb/engine/catalog"
	"phlb/engine/catalog/ask"
	"phlb/runtime"
)

// StatementError shows the line of the statement that err is about, which
// begins on that line of the file called name.
func StatementError(name string, line int, err error) error {
	err = builtins.Suggest(err)
	var problem runtime.Problem
	var place func() (line, column int, text string)
	if e := (*ask.Error)(nil); errors.As(err, &e) {
		problem.Msg, place = e.Msg, e.Place
	} else if e := (*catalog.StatementError)(nil); errors.As(err, &e) {
		problem.Msg, place = e.Msg, e.Place
	} else {
		return err
	}
	if n, column, text := place(); n > 0 {
		problem.Pos = syntax.MakePosition(&name, int32(line+n-1), int32(column))
		problem.Line = text
	}
	return &runtime.Error{Compile: true, Problems: []runtime.Problem{problem}}
}
