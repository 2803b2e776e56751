package runtime

import (
	encoding "encoding/json"
	"errors"
	"fmt"
	"time"

	"go.starlark.net/lib/json"
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// maxDepth is how deep values and brackets may lie in each other. What works on
// them calls itself at each level, and Go ends the process where its stack is
// full: no script could be told.
const maxDepth = 1000

// jsonModule is Starlark's json, with a limit on depth and with a word for
// times and durations: RFC 3339 in UTC, and seconds.
func jsonModule() *starlarkstruct.Module {
	members := jsonTable().Names()
	members["indent"] = json.Module.Members["indent"]
	return &starlarkstruct.Module{Name: "json", Members: members}
}

func jsonTable() Table {
	return Table{
		{Name: "encode", Signature: "encode(x)", Doc: "x as JSON: times as RFC 3339 in UTC, durations as seconds", Func: jsonEncode, computes: true},
		{Name: "encode_indent", Signature: `encode_indent(x, *, prefix="", indent="\t")`, Doc: "x as JSON in several lines", Func: jsonEncode, computes: true},
		{Name: "decode", Signature: "decode(x, default=None)", Doc: "the value that a JSON text stands for; with a default, that where the text is no JSON", Func: jsonDecode, computes: true},
	}
}

func jsonEncode(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 1 {
		x, err := plainJSON(args[0], maxDepth)
		if cause := Err(thread); cause != nil { // a value that could not be read has ended the run
			return nil, Failure(cause)
		}
		if err != nil {
			return nil, Usagef("json.%s: %v", fn.Name(), err)
		}
		args = starlark.Tuple{x}
	}
	return callJSON(thread, fn.Name(), args, kwargs)
}

func jsonDecode(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 {
		if text, ok := starlark.AsString(args[0]); ok && jsonDepth(text) > maxDepth {
			return nil, Usagef("json.%s: %v", fn.Name(), errDeep)
		}
	}
	return callJSON(thread, fn.Name(), args, kwargs)
}

// callJSON calls a function of Starlark's module. What it cannot do with its
// arguments is a fault of the script.
func callJSON(thread *starlark.Thread, name string, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, err := json.Module.Members[name].(*starlark.Builtin).CallInternal(thread, args, kwargs)
	if cause := Err(thread); cause != nil { // as above
		return nil, Failure(cause)
	}
	if err != nil {
		return nil, &UsageError{Msg: err.Error()}
	}
	return v, nil
}

var errDeep = fmt.Errorf("more than %d levels lie in each other", maxDepth)

// plainJSON returns x with times and durations as text and numbers.
func plainJSON(x starlark.Value, depth int) (starlark.Value, error) {
	if depth == 0 {
		return nil, errDeep
	}
	switch x := x.(type) {
	case starlark.String, starlark.Bytes, encoding.Marshaler: // the first two have methods
		return x, nil
	case startime.Time:
		return starlark.String(time.Time(x).UTC().Format(time.RFC3339Nano)), nil
	case startime.Duration:
		return starlark.Float(time.Duration(x).Seconds()), nil
	case starlark.IterableMapping:
		dict := starlark.NewDict(8)
		for _, item := range x.Items() {
			v, err := plainJSON(item[1], depth-1)
			if err != nil {
				return nil, err
			}
			if err := dict.SetKey(item[0], v); err != nil {
				return nil, err
			}
		}
		return dict, nil
	case starlark.Iterable:
		var list starlark.Tuple
		for element := range starlark.Elements(x) {
			v, err := plainJSON(element, depth-1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case starlark.Callable:
		return nil, errors.New("a function cannot be written as JSON")
	case starlark.HasAttrs:
		dict := starlark.NewDict(8)
		for _, name := range x.AttrNames() {
			v, err := x.Attr(name)
			if err != nil {
				return nil, err
			}
			if _, method := v.(starlark.Callable); method || v == nil {
				continue
			}
			if v, err = plainJSON(v, depth-1); err != nil {
				return nil, err
			}
			dict.SetKey(starlark.String(name), v)
		}
		return dict, nil
	}
	return x, nil
}

// jsonDepth returns how deep the brackets of a JSON text lie in each other.
func jsonDepth(text string) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}
