package show

import (
	"errors"
	"phlb/builtins"
	"phlb/engine/catalog"
	"phlb/runtime"

	"go.starlark.net/syntax"
)

// StatementError shows the line of the statement that err is about, which
// begins on that line of the file called name.
func StatementError(name string, line int, err error) error {
	err = builtins.Suggest(err)
	var e *catalog.StatementError
	if !errors.As(err, &e) {
		return err
	}
	problem := runtime.Problem{Msg: e.Msg}
	if n, column, text := e.Place(); n > 0 {
		problem.Pos = syntax.MakePosition(&name, int32(line+n-1), int32(column))
		problem.Line = text
	}
	return &runtime.Error{Compile: true, Problems: []runtime.Problem{problem}}
}
