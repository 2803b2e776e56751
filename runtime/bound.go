package runtime

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// bound has the functions below asked before a list is repeated and before a text is
// split, joined or replaced in: each of these takes all its memory at once, and Go
// ends the process where there is not that much. A short script can ask for a
// thousand times what any machine has, and no limit would have a say.
//
// a * b becomes a * factors[b], and a.split becomes texts[a].split: neither changes
// a position, an error, or what a script gets to see.
func bound(tree syntax.Node) {
	through := func(name string, x syntax.Expr, at syntax.Position) syntax.Expr {
		return &syntax.IndexExpr{X: &syntax.Ident{Name: name, NamePos: at}, Lbrack: at, Y: x, Rbrack: at}
	}
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.BinaryExpr:
			if n.Op == syntax.STAR && !small(n.X) && !small(n.Y) {
				n.Y = through(factors, n.Y, n.OpPos)
			}
		case *syntax.AssignStmt:
			if n.Op == syntax.STAR_EQ && !small(n.RHS) {
				n.RHS = through(factors, n.RHS, n.OpPos)
			}
		case *syntax.DotExpr:
			if boundMethods[n.Name.Name] != nil {
				n.X = through(texts, n.X, n.Dot)
			}
		}
		return true
	})
}

// small reports whether an operand of * makes the result no more than some hundred
// times as large as the other one: that much lies between two looks at the memory.
func small(x syntax.Expr) bool {
	literal, ok := x.(*syntax.Literal)
	if !ok {
		return false
	}
	n, whole := literal.Value.(int64)
	return literal.Token == syntax.FLOAT || whole && n <= 100
}

// Names that nobody can write.
const (
	factors = " factors"
	texts   = " texts"
)

// hidden reports whether a name is one that nobody can write.
func hidden(name string) bool { return strings.HasPrefix(name, " ") }

// A through is a mapping that hands on its key, or something in its place.
type through func(starlark.Value) starlark.Value

var _ starlark.Mapping = through(nil)

func (through) String() string        { return "through" }
func (through) Type() string          { return "through" }
func (through) Freeze()               {}
func (through) Truth() starlark.Bool  { return true }
func (through) Hash() (uint32, error) { return 0, nil }

// Get hands on.
func (t through) Get(x starlark.Value) (starlark.Value, bool, error) { return t(x), true, nil }

// toFactor returns what a value becomes behind a *.
func toFactor(x starlark.Value) starlark.Value {
	switch x.(type) {
	case starlark.Int, *starlark.List, starlark.Tuple:
		return factor{x}
	}
	return x
}

// A factor is what stands behind a *, and may be a list or how often to repeat one.
type factor struct{ starlark.Value }

var _ starlark.HasBinary = factor{}

// Binary multiplies, unless that makes too many elements.
func (f factor) Binary(op syntax.Token, x starlark.Value, _ starlark.Side) (starlark.Value, error) {
	elements, times := x, f.Value
	if _, ok := x.(starlark.Int); ok {
		elements, times = times, elements
	}
	if sequence, ok := elements.(starlark.Sequence); ok {
		if n, err := starlark.AsInt32(times); err == nil {
			if err := tooMany(int64(sequence.Len()) * int64(n)); err != nil {
				return nil, err
			}
		}
	}
	return starlark.Binary(op, x, f.Value)
}

func tooMany(elements int64) error {
	if elements > maxElements {
		return fmt.Errorf("%s elements are too many at once", humanize.Comma(elements))
	}
	return nil
}

// toText returns what a value becomes in front of a method.
func toText(x starlark.Value) starlark.Value {
	if s, ok := x.(starlark.String); ok {
		return text{s}
	}
	return x
}

// A text is a string whose methods are looked up.
type text struct{ starlark.HasAttrs }

// Attr returns a method that refuses to make too much.
func (t text) Attr(name string) (starlark.Value, error) {
	s := t.HasAttrs.(starlark.String)
	v, err := s.Attr(name)
	method, ok := v.(*starlark.Builtin)
	check := boundMethods[name]
	if !ok || check == nil {
		return v, err
	}
	return starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		compute(thread)
		if len(kwargs) == 0 { // else it is refused
			if err := check(string(s), args); err != nil {
				return nil, Usagef("%s: %v", name, err)
			}
		}
		return method.CallInternal(thread, args, kwargs)
	}).BindReceiver(s), nil
}

// boundMethods are methods of strings whose result may be much larger than what they
// are given.
var boundMethods = map[string]func(s string, args starlark.Tuple) error{
	"join":       boundJoin,
	"replace":    boundReplace,
	"rsplit":     boundSplit,
	"split":      boundSplit,
	"splitlines": func(s string, _ starlark.Tuple) error { return tooMany(int64(strings.Count(s, "\n"))) },
}

// maxText is how long a string may become in one step, as one that is repeated may.
const maxText = 1 << 30

func tooLong(bytes int64) error {
	if bytes >= maxText {
		return fmt.Errorf("%s are too much at once", humanize.IBytes(uint64(bytes)))
	}
	return nil
}

func boundReplace(s string, args starlark.Tuple) error {
	if len(args) < 2 {
		return nil
	}
	old, ok := starlark.AsString(args[0])
	with, ok2 := starlark.AsString(args[1])
	if !ok || !ok2 || len(with) <= len(old) {
		return nil
	}
	n := int64(strings.Count(s, old))
	if len(args) > 2 {
		if most, err := starlark.AsInt32(args[2]); err == nil && most >= 0 {
			n = min(n, int64(most))
		}
	}
	return tooLong(int64(len(s)) + n*int64(len(with)-len(old)))
}

func boundJoin(s string, args starlark.Tuple) error {
	if len(args) != 1 {
		return nil
	}
	parts, ok := args[0].(starlark.Sequence)
	if !ok {
		return nil
	}
	var bytes int64
	for part := range starlark.Elements(parts) {
		p, ok := starlark.AsString(part)
		if !ok {
			return nil // which is refused
		}
		bytes += int64(len(p) + len(s))
		if err := tooLong(bytes); err != nil {
			return err
		}
	}
	return nil
}

func boundSplit(s string, args starlark.Tuple) error {
	if len(s) < maxElements {
		return nil
	}
	if len(args) > 0 {
		if by, ok := starlark.AsString(args[0]); ok && by != "" {
			return tooMany(int64(strings.Count(s, by)) + 1)
		}
	}
	fields := int64(0)
	for range strings.FieldsSeq(s) {
		fields++
	}
	return tooMany(fields)
}
