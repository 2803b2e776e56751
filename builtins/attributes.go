package builtins

import (
	"cmp"
	"maps"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"phlb/runtime"
)

// get returns an attribute; nil, as Starlark wants it, where there is none.
func (a attributes[T]) get(of T, name string) (starlark.Value, error) {
	attribute, ok := a[name]
	if !ok {
		return nil, nil
	}
	v, err := attribute(of)
	return v, runtime.Failure(err)
}

func (a attributes[T]) names() []string { return slices.Sorted(maps.Keys(a)) }

// ordered is the result of comparing two values that have an order.
func ordered(op syntax.Token, c int) bool {
	switch op {
	case syntax.EQL:
		return c == 0
	case syntax.NEQ:
		return c != 0
	case syntax.LT:
		return c < 0
	case syntax.LE:
		return c <= 0
	case syntax.GT:
		return c > 0
	}
	return c >= 0
}

// compare is the result of comparing two paths.
func compare(op syntax.Token, a, b string) bool { return ordered(op, cmp.Compare(a, b)) }

// CompareSameType orders Files by path.
func (f *File) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	return compare(op, f.absolute(), y.(*File).absolute()), nil
}
