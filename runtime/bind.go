package runtime

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
)

// binding is the state of one [Signature.Bind].
type binding struct {
	params     []Param
	arguments  []bool             // by parameter: may be given without its name
	reserved   []string           // flags of the host
	values     []starlark.Value   // by parameter, nil if not given
	lists      [][]starlark.Value // of those that are lists, or take the rest
	positional []string
}

// Bind matches a command line with the parameters, and returns what to call
// main with. A flag is --name VALUE or --name=VALUE, and for a switch --name,
// --no-name or --name=false; "--" ends the flags. Positional arguments fill the
// parameters that [Signature.Usage] lists as arguments and no flag sets, in
// order; a list takes all that are left.
//
// An int may have a unit: 4GiB. The lists it returns are new ones.
func (s *Signature) Bind(args []string) (starlark.Tuple, []starlark.Tuple, error) {
	b := &binding{
		params: s.Params, arguments: s.arguments(), reserved: s.reserved,
		values: make([]starlark.Value, len(s.Params)),
		lists:  make([][]starlark.Value, len(s.Params)),
	}
	if err := b.flags(args); err != nil {
		return nil, nil, err
	}
	if err := b.fill(); err != nil {
		return nil, nil, err
	}
	return b.call()
}

// flags takes the flags, and leaves the rest in positional.
func (b *binding) flags(args []string) error {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			b.positional = append(b.positional, args...)
			return nil
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			b.positional = append(b.positional, arg)
			continue
		}
		flag, value, given := strings.Cut(arg, "=")
		i, negated := b.find(flag)
		if i < 0 {
			return b.unknown(flag)
		}
		if b.params[i].Kind == Bool && !given {
			b.values[i] = starlark.Bool(!negated)
			continue
		}
		if negated {
			return Usagef("%s takes no value", flag)
		}
		if !given {
			if len(args) == 0 {
				return Usagef("%s needs a value: %s %s", flag, flag, placeholder(b.params[i]))
			}
			value, args = args[0], args[1:]
		}
		if err := b.set(i, flag, value); err != nil {
			return err
		}
	}
	return nil
}

// find returns the parameter that flag sets, -1 if there is none, and whether
// flag is its --no- form.
func (b *binding) find(flag string) (i int, negated bool) {
	name := dashed(flag)
	for i, p := range b.params {
		if p.settable() && p.Flag() == name {
			return i, false
		}
	}
	for i, p := range b.params {
		if p.Kind == Bool && "--no-"+dashed(p.Name) == name {
			return i, true
		}
	}
	return -1, false
}

func (p Param) settable() bool { return p.Kind != Fixed && !p.Rest }

func (b *binding) unknown(flag string) error {
	if flag == "--help" || flag == "-h" {
		return ErrHelp
	}
	names := []string{"help"} // without dashes, which would make short ones look alike
	for _, name := range b.reserved {
		names = append(names, strings.TrimLeft(name, "-"))
	}
	for _, p := range b.params {
		if p.settable() {
			names = append(names, dashed(p.Name))
		}
	}
	if name := Nearest(strings.TrimLeft(dashed(flag), "-"), names); name != "" {
		return Usagef("unknown flag %s: did you mean --%s?", flag, name)
	}
	return Usagef("unknown flag %s: --help lists those there are, and -- comes before arguments that begin with a dash", flag)
}

// fill hands out the positional arguments.
func (b *binding) fill() error {
	left := b.positional
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
			if err := b.set(i, "<"+p.Name+">", arg); err != nil {
				return err
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
// The label is what the user knows the parameter by.
func (b *binding) set(i int, label, text string) error {
	p := b.params[i]
	kind := p.Kind
	if kind == List {
		kind = p.Elem
	}
	v, err := parse(kind, text)
	switch {
	case err != nil:
		return Usagef("%s: %v", label, err)
	case p.Kind == List || p.Rest:
		b.lists[i] = append(b.lists[i], v)
	default:
		b.values[i] = v
	}
	return nil
}

// call makes the arguments of main. All are named, unless main takes a rest:
// what stands before that must be positional then.
func (b *binding) call() (args starlark.Tuple, kwargs []starlark.Tuple, err error) {
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

// units are what an int may end in, largest first.
var units = []struct {
	name  string
	bytes int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

func parseInt(text string) (starlark.Value, error) {
	digits, unit := text, int64(1)
	for _, u := range units {
		if d, ok := strings.CutSuffix(text, u.name); ok {
			digits, unit = d, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is not a whole number such as 7 or 4GiB", text)
	}
	return starlark.MakeInt64(n).Mul(starlark.MakeInt64(unit)), nil
}

// Usagef returns a [*UsageError].
func Usagef(format string, args ...any) error {
	return &UsageError{Msg: fmt.Sprintf(format, args...)}
}
