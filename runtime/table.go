package runtime

import (
	"path"
	"strings"

	"go.starlark.net/starlark"
)

// A Func is a function that scripts can call: it unpacks, does one thing, and
// converts.
type Func = func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

// A Builtin is a function for scripts and its documentation.
type Builtin struct {
	Name      string
	Signature string // as in the manual: "link(scan, name=None, tags=[])"
	Doc       string // one line
	Effect    bool   // changes something: refused where effects are
	Kind      string // what a host may refuse it as, in a word; "" for what is free
	When      string // the argument that makes it of that kind; "" for all calls
	Func      Func

	computes bool // it takes long for what the script gives it, and counts as the script's
}

// A Table lists builtins. Help, manual and editor stubs are made from it, in
// its order.
type Table []Builtin

// Names returns the builtins of the table as names for a [Host].
func (t Table) Names() starlark.StringDict {
	names := make(starlark.StringDict, len(t))
	for _, b := range t {
		names[b.Name] = b.Value()
	}
	return names
}

// Value returns the builtin as scripts see it. For a method, bind a receiver to
// it.
func (b Builtin) Value() *starlark.Builtin {
	return starlark.NewBuiltin(b.Name, func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if t := taskOf(thread); t != nil && fn.Receiver() != nil && t.foreign[caller(thread)] {
			return nil, Usagef("%s.%s: what a module from elsewhere is handed is plain data to it, and has no methods: take %s as a parameter in %s, and have the script pass %s = lambda x: x.%s()",
				fn.Receiver().Type(), b.Name, b.Name, path.Base(caller(thread)), b.Name, b.Name)
		}
		if b.Effect {
			if err := effect(thread, b.Name, func() string { return call(fn, args, kwargs) }); err != nil {
				return nil, err
			}
		}
		if t := taskOf(thread); b.computes {
			compute(thread)
		} else if t != nil {
			defer t.resume(t.rest())
		}
		v, err := b.Func(thread, fn, args, kwargs)
		return v, Failure(err)
	})
}

// call returns a call as it would be written, short enough for a line.
func call(fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) string {
	var parts []string
	for _, v := range args {
		parts = append(parts, shorten(v.String()))
	}
	for _, kv := range kwargs {
		parts = append(parts, string(kv[0].(starlark.String))+"="+shorten(kv[1].String()))
	}
	text := fn.Name() + "(" + strings.Join(parts, ", ") + ")"
	if fn.Receiver() != nil {
		text = shorten(fn.Receiver().String()) + ": " + text
	}
	return text
}

func shorten(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}
