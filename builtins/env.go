package builtins

import (
	"strings"

	"go.starlark.net/starlark"

	"phlb/runtime"
)

func (s *Session) envBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "env",
		Signature: "env(name, default=None)",
		Doc:       "an environment variable, where --allow-env permits it",
		Kind:      "env",
		Func: func(_ *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var name string
			var missing starlark.Value = starlark.None
			if err := runtime.Unpack(fn.Name(), args, kwargs, "name", &name, "default?", &missing); err != nil {
				return nil, err
			}
			if err := s.permitEnv(name); err != nil {
				return nil, err
			}
			for _, pair := range s.Environ {
				if value, ok := strings.CutPrefix(pair, name+"="); ok {
					return starlark.String(value), nil
				}
			}
			return missing, nil
		},
	}
}
