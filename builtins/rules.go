package builtins

import (
	"fmt"

	"go.starlark.net/starlark"

	"phlb/engine/config"
	"phlb/engine/walk"
	"phlb/runtime"
)

var (
	_ starlark.Unpacker = (*lines)(nil)
	_ starlark.Unpacker = (*beside)(nil)
	_ starlark.Unpacker = (*maxSize)(nil)
)

// checkGlobs returns what is wrong with the globs that a builtin was given.
func checkGlobs(label string, globs ...string) error {
	for _, g := range globs {
		if err := config.CheckGlob(g); err != nil {
			return runtime.Usagef("%s: %v", label, err)
		}
	}
	if _, err := walk.CompilePatterns(globs); err != nil {
		return runtime.Usagef("%s: %v", label, err)
	}
	return nil
}

// lines unpacks rules: each a line, or a line and where it comes from.
type lines []walk.Rule

// Unpack implements [starlark.Unpacker].
func (l *lines) Unpack(v starlark.Value) error {
	list, ok := v.(starlark.Iterable)
	if _, isString := v.(starlark.String); !ok || isString {
		return fmt.Errorf("got %s, want a list of lines as in a .gitignore", v.Type())
	}
	*l = nil
	for element := range starlark.Elements(list) {
		var r walk.Rule
		text, ok := starlark.AsString(element)
		if pair, isPair := element.(starlark.Indexable); !ok && isPair && pair.Len() == 2 {
			text, ok = starlark.AsString(pair.Index(0))
			origin, named := starlark.AsString(pair.Index(1))
			r.Origin, ok = origin, ok && named
		}
		if !ok {
			return fmt.Errorf("got a list with %v in it, want a line as in a .gitignore, or (line, where it comes from)", element)
		}
		r.Text = text
		*l = append(*l, r)
	}
	return nil
}

// from numbers the rules that do not say where they come from: they stand in
// that file.
func (l lines) from(file string) []walk.Rule {
	n := 0
	for i := range l {
		if r := &l[i]; r.Origin != "" {
			continue
		} else if r.Beside != "" {
			r.Origin = file
		} else {
			n++
			r.Origin = fmt.Sprintf("%s, rule %d", file, n)
		}
	}
	return l
}

// beside unpacks rules for what lies beside a name, by that name.
type beside struct{ lines }

// Unpack implements [starlark.Unpacker].
func (b *beside) Unpack(v starlark.Value) error {
	dict, ok := v.(starlark.IterableMapping)
	if !ok {
		return fmt.Errorf(`got %s, want a dict such as {"Cargo.toml": ["target/"]}`, v.Type())
	}
	b.lines = nil
	for _, item := range dict.Items() {
		name, ok := starlark.AsString(item[0])
		if !ok {
			return fmt.Errorf("got a dict with the key %v, want names", item[0])
		}
		var list lines
		if err := list.Unpack(item[1]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, r := range list {
			r.Beside = name
			b.lines = append(b.lines, r)
		}
	}
	return nil
}

// maxSize unpacks a number of bytes, or None for no limit.
type maxSize int64

// Unpack implements [starlark.Unpacker].
func (m *maxSize) Unpack(v starlark.Value) error {
	if *m = 0; v == starlark.None {
		return nil
	}
	n, err := starlark.NumberToInt(v) // half a GiB is a float
	if size, ok := n.Int64(); err == nil && ok && size > 0 {
		*m = maxSize(size)
		return nil
	}
	return fmt.Errorf("got %v, want bytes, such as 4 * GiB, or None", v)
}
