package runtime

import (
	"maps"
	"time"

	"go.starlark.net/lib/math"
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// library returns the names that every file has beside Starlark's own. None of
// them has an effect or looks at the world, but for the place of the file
// itself: the clock stands still at now, and a time without a zone is in the
// zone of now.
func library(now time.Time) starlark.StringDict {
	clock := clockTable(now).Names()
	members := maps.Clone(startime.Module.Members)
	maps.Copy(members, clock)
	return starlark.StringDict{
		"json":   jsonModule(),
		"math":   math.Module,
		"here":   hereBuiltin.Value(),
		"len":    starlark.NewBuiltin("len", length),
		"now":    clock["now"],
		"usage":  usageBuiltin.Value(),
		"time":   &starlarkstruct.Module{Name: "time", Members: members},
		"struct": starlark.NewBuiltin("struct", starlarkstruct.Make),
		"KiB":    starlark.MakeInt64(1 << 10),
		"MiB":    starlark.MakeInt64(1 << 20),
		"GiB":    starlark.MakeInt64(1 << 30),
		"TiB":    starlark.MakeInt64(1 << 40),
	}
}

// usageBuiltin is fail for what a user asked for, and not for what went wrong.
var usageBuiltin = Builtin{
	Name:      "usage",
	Signature: "usage(message)",
	Doc:       "end the run like fail, but with status 2, for arguments that make no sense",
	Func: func(_ *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var message string
		if err := Unpack(fn.Name(), args, kwargs, "message", &message); err != nil {
			return nil, err
		}
		return nil, &UsageError{Msg: message}
	},
}

// clockTable replaces those functions of Starlark's time module that ask the
// machine. Its hook for that is global, and ours must not be.
func clockTable(now time.Time) Table {
	return Table{{
		Name:      "now",
		Signature: "now()",
		Doc:       "the instant at which the run began, the same for every call",
		Func: func(_ *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			if err := Unpack(fn.Name(), args, kwargs); err != nil {
				return nil, err
			}
			return startime.Time(now), nil
		},
	}, {
		Name:      "from_timestamp",
		Signature: "from_timestamp(sec, nsec=0)",
		Doc:       "the time that many seconds after 1970 began in UTC, in the zone of now()",
		Func: func(_ *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var sec, nsec int64
			if err := Unpack(fn.Name(), args, kwargs, "sec", &sec, "nsec?", &nsec); err != nil {
				return nil, err
			}
			return startime.Time(time.Unix(sec, nsec).In(now.Location())), nil
		},
	}}
}
