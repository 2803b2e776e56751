package runtime

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"
	"go.starlark.net/starlark"
)

// A Binding matches one command line with the parameters of main.
type Binding struct {
	params    []Param
	arguments []bool             // by parameter: may be given without its name
	values    []starlark.Value   // by parameter, nil if not given
	lists     [][]starlark.Value // of those that are lists, or take the rest
}

// Binding returns one to which nothing is given yet.
func (s *Signature) Binding() *Binding {
	return &Binding{
		params: s.Params, arguments: s.arguments(),
		values: make([]starlark.Value, len(s.Params)),
		lists:  make([][]starlark.Value, len(s.Params)),
	}
}

// Bind matches a command line with the parameters, and returns what to call
// main with. A flag is --name VALUE or --name=VALUE, and for a switch --name,
// --no-name or --name=false; "--" ends the flags.
//
// An int may be a size: 4GiB. The lists it returns are new ones.
func (s *Signature) Bind(args []string) (starlark.Tuple, []starlark.Tuple, error) {
	b := s.Binding()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.Usage = func() {}
	b.AddFlags(flags)
	if err := flags.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return nil, nil, ErrHelp
	} else if err != nil {
		return nil, nil, FlagError(flags, err)
	}
	return b.Values(flags.Args())
}

// Values returns what to call main with, after the flags were parsed. The
// positional arguments fill the parameters that [Signature.Synopsis] lists and
// no flag sets, in order; a list takes all that are left.
func (b *Binding) Values(positional []string) (starlark.Tuple, []starlark.Tuple, error) {
	filled := &Binding{params: b.params, arguments: b.arguments, values: slices.Clone(b.values), lists: slices.Clone(b.lists)}
	if err := filled.fill(positional); err != nil {
		return nil, nil, err
	}
	return filled.call()
}

// fill hands out the positional arguments.
func (b *Binding) fill(left []string) error {
	for i, p := range b.params {
		if len(left) == 0 {
			break
		}
		if !b.arguments[i] || b.values[i] != nil || b.lists[i] != nil {
			continue
		}
		n := 1
		if p.Kind == List || p.Rest {
			n = len(left)
		}
		for _, arg := range left[:n] {
			if err := b.set(i, arg); err != nil {
				return Usagef("<%s>: %v", p.Name, err)
			}
		}
		left = left[n:]
	}
	if len(left) == 0 {
		return nil
	}
	for i, p := range b.params {
		if p.settable() && !p.Named && !b.arguments[i] {
			return Usagef("unexpected argument %q: all but what --help lists as arguments is given as a flag, such as %s", left[0], p.Flag())
		}
	}
	return Usagef("unexpected argument %q", left[0])
}

// set gives parameter i the value that text stands for, or one more element.
func (b *Binding) set(i int, text string) error {
	p := b.params[i]
	kind := p.Kind
	if kind == List {
		kind = p.Elem
	}
	v, err := parse(kind, text)
	switch {
	case err != nil:
		return err
	case p.Kind == List || p.Rest:
		b.lists[i] = append(b.lists[i], v)
	default:
		b.values[i] = v
	}
	return nil
}

// call makes the arguments of main. All are named, unless main takes a rest:
// what stands before that must be positional then.
func (b *Binding) call() (args starlark.Tuple, kwargs []starlark.Tuple, err error) {
	rest := len(b.params) - 1
	positional := rest >= 0 && b.params[rest].Rest && len(b.lists[rest]) > 0
	for i, p := range b.params {
		v := b.values[i]
		switch {
		case p.Rest:
			continue
		case p.Required() && v == nil:
			return nil, nil, missing(p)
		case p.Kind == List:
			v = p.list(b.lists[i])
		case v == nil:
			v = p.Default
		}
		if positional && !p.Named {
			args = append(args, v)
		} else {
			kwargs = append(kwargs, starlark.Tuple{starlark.String(p.Name), v})
		}
	}
	if positional {
		args = append(args, b.lists[rest]...)
	}
	return args, kwargs, nil
}

// list makes the value of a list parameter. If none was given it is a copy of
// the default, which is frozen while main may want to append to it.
func (p Param) list(elems []starlark.Value) starlark.Value {
	if elems == nil {
		elems = slices.Collect(starlark.Elements(p.Default.(starlark.Iterable)))
	}
	if _, ok := p.Default.(starlark.Tuple); ok {
		return starlark.Tuple(elems)
	}
	return starlark.NewList(elems)
}

func (p Param) settable() bool { return p.Kind != Fixed && !p.Rest }

func missing(p Param) error {
	label := "<" + p.Name + ">"
	if p.Named {
		label = p.Flag()
	}
	if p.Doc != "" {
		return Usagef("missing %s: %s", label, p.Doc)
	}
	return Usagef("missing %s", label)
}

func parse(kind Kind, text string) (starlark.Value, error) {
	switch kind {
	case Bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return starlark.Bool(v), nil
	case Int:
		return parseInt(text)
	case Float:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		return starlark.Float(v), nil
	}
	return starlark.String(text), nil
}

// parseInt reads a whole number, which may be a size.
func parseInt(text string) (starlark.Value, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return starlark.MakeInt64(n), nil
	}
	size, err := humanize.ParseBytes(text)
	if err != nil || !strings.HasSuffix(text, "B") {
		return nil, fmt.Errorf("%q is not a whole number such as 7 or 4GiB", text)
	}
	return starlark.MakeUint64(size), nil
}

// Usagef returns a [*UsageError].
func Usagef(format string, args ...any) error {
	return &UsageError{Msg: fmt.Sprintf(format, args...)}
}
