package runtime

import (
	"fmt"
	"path/filepath"
	"strings"

	"go.starlark.net/starlark"
)

// hereBuiltin tells a file where it lies.
var hereBuiltin = Builtin{
	Name:      "here",
	Signature: "here()",
	Doc:       "the folder of the file that calls here, after following symbolic links",
	Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if err := Unpack(fn.Name(), args, kwargs); err != nil {
			return nil, err
		}
		name := caller(thread)
		if name == "" || strings.HasPrefix(name, "@") {
			return nil, fmt.Errorf("here: %s lies in no folder", name)
		}
		dir, err := filepath.Abs(filepath.Dir(name))
		if err != nil {
			return nil, fmt.Errorf("here: %w", err)
		}
		return starlark.String(dir), nil
	},
}

// caller returns the file of the innermost frame that is not a builtin's.
func caller(thread *starlark.Thread) string {
	for depth := range thread.CallStackDepth() {
		if _, ok := thread.DebugFrame(depth).Callable().(*starlark.Function); ok {
			return thread.CallFrame(depth).Pos.Filename()
		}
	}
	return ""
}
