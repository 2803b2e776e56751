package runtime

import (
	"errors"
	"fmt"
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
	guard := func(check func(starlark.Value) error, functions ...string) {
		for _, name := range functions {
			original := starlark.Universe[name].(*starlark.Builtin)
			names[name] = starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
				compute(thread)
				for _, arg := range args {
					if err := check(arg); err != nil {
						return nil, Usagef("%s: %v", name, err)
					}
				}
				return original.CallInternal(thread, args, kwargs)
			})
		}
	}
	guard(func(v starlark.Value) error {
		if sequence, ok := v.(starlark.Sequence); ok && sequence.Len() > maxElements {
			return fmt.Errorf("%s elements are too many at once", humanize.Comma(int64(sequence.Len())))
		}
		return nil
	}, "list", "tuple", "sorted", "set", "enumerate", "reversed", "zip", "min", "max", "any", "all")
	guard(tooDeep, "print", "str", "repr", "fail")
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
	type level struct {
		value starlark.Value
		depth int
	}
	seen := map[any]bool{} // what several hold is looked at once
	todo := []level{{v, 0}}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if at.depth > maxDepth {
			return errDeep
		}
		push := func(v starlark.Value) {
			switch v.(type) {
			case *starlark.List, starlark.Tuple, *starlark.Dict, *starlark.Set, *starlarkstruct.Struct:
				todo = append(todo, level{v, at.depth + 1})
			}
		}
		switch v := at.value.(type) {
		case *starlark.List:
			if seen[v] {
				continue
			}
			seen[v] = true
			for i := range v.Len() {
				push(v.Index(i))
			}
		case starlark.Tuple:
			if len(v) == 0 || seen[&v[0]] {
				continue
			}
			seen[&v[0]] = true
			for _, element := range v {
				push(element)
			}
		case *starlark.Dict:
			if seen[v] {
				continue
			}
			seen[v] = true
			for key, value := range v.Entries() {
				push(key)
				push(value)
			}
		case *starlark.Set:
			for element := range v.Elements() {
				push(element)
			}
		case *starlarkstruct.Struct:
			if seen[v] {
				continue
			}
			seen[v] = true
			for _, name := range v.AttrNames() {
				if field, err := v.Attr(name); err == nil && field != nil {
					push(field)
				}
			}
		}
	}
	return nil
}
