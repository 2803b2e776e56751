package builtins

import (
	"cmp"
	"maps"
	"slices"
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"

	"phlb/runtime"
)

// Attribute documents an attribute that every value of a type has.
type Attribute = runtime.Value

// attributes are what the values of a type have, by name.
type attributes[T any] map[string]attribute[T]

// attribute is an attribute with its documentation, and how to get it.
type attribute[T any] struct {
	kind, doc string // see [runtime.Value]
	value     func(T) (starlark.Value, error)
}

// get returns an attribute; nil, as Starlark wants it, where there is none.
func (a attributes[T]) get(of T, name string) (starlark.Value, error) {
	found, ok := a[name]
	if !ok {
		return nil, nil
	}
	v, err := found.value(of)
	return v, runtime.Failure(err)
}

func (a attributes[T]) names() []string { return slices.Sorted(maps.Keys(a)) }

// documentation lists the attributes by name.
func (a attributes[T]) documentation() []Attribute {
	var all []Attribute
	for _, name := range a.names() {
		all = append(all, Attribute{Name: name, Type: a[name].kind, Doc: a[name].doc})
	}
	return all
}

// record returns a struct called name with the attributes of a value. None of
// their getters may fail.
func (a attributes[T]) record(name string, of T) starlark.Value {
	fields := make(starlark.StringDict, len(a))
	for field, attribute := range a {
		fields[field], _ = attribute.value(of)
	}
	return starlarkstruct.FromStringDict(starlark.String(name), fields)
}

// The following make an attribute of a plain getter.

func textOf[T any](doc string, get func(T) string) attribute[T] {
	return attribute[T]{"str", doc, func(of T) (starlark.Value, error) { return starlark.String(get(of)), nil }}
}

func intOf[T any, N int | int64 | uint32 | uint64](doc string, get func(T) N) attribute[T] {
	return attribute[T]{"int", doc, func(of T) (starlark.Value, error) { return starlark.MakeInt64(int64(get(of))), nil }}
}

func boolOf[T any](doc string, get func(T) bool) attribute[T] {
	return attribute[T]{"bool", doc, func(of T) (starlark.Value, error) { return starlark.Bool(get(of)), nil }}
}

func timeOf[T any](doc string, get func(T) time.Time) attribute[T] {
	return attribute[T]{"time", doc, func(of T) (starlark.Value, error) { return startime.Time(get(of)), nil }}
}

// valueOf is for getters that return the value as scripts see it.
func valueOf[T any](kind, doc string, get func(T) starlark.Value) attribute[T] {
	return attribute[T]{kind, doc, func(of T) (starlark.Value, error) { return get(of), nil }}
}

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
