package runtime

import (
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Complete returns where the name begins that text ends in, and the names that
// it may become: globals, or behind a dot the attributes of the value in front.
// Only values that are at hand are looked at: nothing is computed or read.
func (r *REPL) Complete(text string) (from int, names []string) {
	from = len(text)
	for from > 0 && nameByte(text[from-1]) {
		from--
	}
	prefix := text[from:]
	var candidates []string
	if from > 0 && text[from-1] == '.' {
		if v, ok := r.value(text[:from-1]).(starlark.HasAttrs); ok {
			candidates = v.AttrNames()
		}
	} else {
		candidates = append(r.Names(), keywords...)
		for name := range starlark.Universe {
			candidates = append(candidates, name)
		}
	}
	for _, name := range candidates {
		if strings.HasPrefix(name, prefix) && (prefix != "" || !strings.HasPrefix(name, "_")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return from, slices.Compact(names)
}

var keywords = []string{
	"and", "break", "continue", "def", "elif", "else", "for", "if", "in", "lambda", "load", "not", "or", "pass", "return", "while",
}

func nameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// value returns what the name or path at the end of text stands for, nil if
// that cannot be told. Attributes of anything but a struct or module may take a
// long time to find out.
func (r *REPL) value(text string) starlark.Value {
	from := len(text)
	for from > 0 && (nameByte(text[from-1]) || text[from-1] == '.') {
		from--
	}
	path := strings.Split(text[from:], ".")
	v := r.live[path[0]]
	for _, name := range path[1:] {
		switch of := v.(type) {
		case *starlarkstruct.Module:
			v = of.Members[name]
		case *starlarkstruct.Struct:
			v, _ = of.Attr(name)
		default:
			return nil
		}
	}
	return v
}
