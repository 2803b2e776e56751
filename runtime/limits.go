package runtime

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/dustin/go-humanize"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Limits bound what a script may compute. Zero is no limit.
type Limits struct {
	Steps  uint64
	Time   time.Duration // spent computing: how long builtins of the host take does not count
	Memory uint64        // bytes of the process, looked at while a script computes
}

// Strangers are limits for scripts that somebody else wrote.
var Strangers = Limits{Steps: 1e8, Time: time.Minute, Memory: 256 << 20}

// Over returns the limits with those of other where they have none.
func (l Limits) Over(other Limits) Limits {
	if l.Steps == 0 {
		l.Steps = other.Steps
	}
	if l.Time == 0 {
		l.Time = other.Time
	}
	if l.Memory == 0 {
		l.Memory = other.Memory
	}
	return l
}

// ErrMaxSteps, ErrMaxTime and ErrMaxMemory are the ends of scripts that exceed
// their [Limits].
var (
	ErrMaxSteps  = errors.New("the script takes too many steps")
	ErrMaxTime   = errors.New("the script computes for too long")
	ErrMaxMemory = errors.New("the script needs too much memory")
)

// maxElements is how many elements a function of Starlark may gather in one
// step.
const maxElements = 1 << 27

// guarded are functions of Starlark that see to it that what they are given is
// neither too long nor too deep: no limit can end one step.
func guarded() starlark.StringDict {
	names := make(starlark.StringDict)
	guard := func(check func(starlark.Tuple) error, functions ...string) {
		for _, name := range functions {
			original := starlark.Universe[name].(*starlark.Builtin)
			names[name] = starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
				compute(thread)
				if err := check(args); err != nil {
					return nil, Usagef("%s: %v", name, err)
				}
				return original.CallInternal(thread, args, kwargs)
			})
		}
	}
	each := func(check func(starlark.Value) error) func(starlark.Tuple) error {
		return func(args starlark.Tuple) error {
			for _, arg := range args {
				if err := check(arg); err != nil {
					return err
				}
			}
			return nil
		}
	}
	short := func(each int) func(starlark.Value) error {
		return func(v starlark.Value) error {
			if sequence, ok := v.(starlark.Sequence); ok {
				return tooMany(int64(sequence.Len()) * int64(each))
			}
			return nil
		}
	}
	guard(each(short(1)), "bytes", "list", "tuple", "sorted", "set", "reversed", "min", "max", "any", "all")
	guard(each(short(2)), "enumerate")
	guard(each(tooDeep), "print", "str", "repr", "fail")
	guard(func(args starlark.Tuple) error {
		rows := math.MaxInt
		for _, arg := range args {
			if sequence, ok := arg.(starlark.Sequence); ok {
				rows = min(rows, sequence.Len())
			}
		}
		if rows == math.MaxInt {
			return nil
		}
		return tooMany(int64(rows) * int64(len(args)))
	}, "zip")
	guard(func(args starlark.Tuple) error {
		if len(args) > 0 {
			args[0] = toText(args[0])
		}
		return nil
	}, "getattr")
	names[factors], names[texts] = through(toFactor), through(toText)
	return names
}

// freeze freezes globals, which goes as deep as they do.
func freeze(globals starlark.StringDict) error {
	for _, name := range globals.Keys() {
		if err := tooDeep(globals[name]); err != nil {
			return fmt.Errorf("global %s: %w", name, err)
		}
	}
	globals.Freeze()
	return nil
}

// tooDeep returns an error for a value that lies deeper in others than maxDepth.
func tooDeep(v starlark.Value) error {
	_, err := scales{}.weigh(v, 0)
	return err
}

// tooLarge is tooDeep for a value that is to be written. What lies in it at several
// places is written as often: sixty lists that hold the next one twice never end.
func tooLarge(v starlark.Value) error {
	all, err := scales{}.weigh(v, 0)
	if err == nil && all.values > maxElements {
		err = fmt.Errorf("more than %s elements are too many at once", humanize.Comma(maxElements))
	}
	return err
}

// scales know what they have weighed, by identity.
type scales map[any]weight

// A weight says how deep values lie in one, and how many they are, up to a few more
// than maxElements.
type weight struct {
	height int
	values int64
}

// A tupleID tells a tuple from others, and from a part of it.
type tupleID struct {
	first  *starlark.Value
	length int
}

// weigh weighs a value that lies at a depth. A value within itself counts once.
func (s scales) weigh(v starlark.Value, depth int) (weight, error) {
	all := weight{values: 1}
	var id any
	var elements iter.Seq[starlark.Value]
	switch v := v.(type) {
	case *starlark.List:
		id, elements = v, v.Elements()
	case starlark.Tuple:
		if len(v) > 0 {
			id, elements = tupleID{&v[0], len(v)}, v.Elements()
		}
	case *starlark.Dict:
		id, elements = v, func(yield func(starlark.Value) bool) {
			for key, value := range v.Entries() {
				if !yield(key) || !yield(value) {
					return
				}
			}
		}
	case *starlark.Set:
		id, elements = v, v.Elements()
	case *starlarkstruct.Struct:
		id, elements = v, func(yield func(starlark.Value) bool) {
			for _, name := range v.AttrNames() {
				if field, err := v.Attr(name); err == nil && field != nil && !yield(field) {
					return
				}
			}
		}
	}
	if elements == nil {
		return all, nil
	}
	if depth > maxDepth {
		return weight{}, errDeep
	}
	if known, ok := s[id]; ok {
		if depth+known.height > maxDepth {
			return weight{}, errDeep
		}
		return known, nil
	}
	s[id] = all
	for element := range elements {
		w, err := s.weigh(element, depth+1)
		if err != nil {
			return weight{}, err
		}
		all.height = max(all.height, w.height+1)
		all.values = min(all.values+w.values, 2*maxElements)
	}
	s[id] = all
	return all, nil
}
