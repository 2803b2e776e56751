package show

import (
	"errors"

	"go.starlark.net/syntax"

	"phlb/engine/catalog"
	"phlb/engine/catalog/ask"
	"phlb/runtime"
)

// StatementError shows the line of the statement that err is about, which
// begins on that line of the file called name.
func StatementError(name string, line int, err error) error {
	var problem runtime.Problem
	if e := (*ask.Error)(nil); errors.As(err, &e) {
		problem.Msg = e.Msg
		if n, column, text := e.Place(); n > 0 {
			problem.Pos = syntax.MakePosition(&name, int32(line+n-1), int32(column))
			problem.Line = text
		}
	} else if errors.Is(err, catalog.ErrStatement) || errors.Is(err, catalog.ErrReadOnly) { // of QL
		problem.Msg = err.Error()
	} else {
		return err
	}
	return &runtime.Error{Compile: true, Problems: []runtime.Problem{problem}}
}
