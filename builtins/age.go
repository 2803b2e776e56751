package builtins

import (
	"fmt"
	"slices"
	"strings"
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/runtime"
)

func (s *Session) checkAgeBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "check_age",
		Signature: `check_age(names=[], max="26h")`,
		Doc:       "whether the newest complete snapshot of each name is young enough; the run ends with status 5 if one is not",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var names stringList
			limit := maxAge{duration: 26 * time.Hour}
			if err := runtime.Unpack(fn.Name(), args, kwargs, "names?", &names, "max?", &limit); err != nil {
				return nil, err
			}
			all, err := s.Engine.Snapshots(runtime.Context(thread), "")
			if err != nil {
				return nil, err
			}
			return s.checkAge(all, names, limit.since(s.Now)), nil
		},
	}
}

// maxAge unpacks how old something may be: a time.duration, or a text.
type maxAge struct {
	duration time.Duration
	age      engine.Age // nil: duration
}

var _ starlark.Unpacker = (*maxAge)(nil)

// Unpack implements [starlark.Unpacker].
func (m *maxAge) Unpack(v starlark.Value) error {
	*m = maxAge{}
	text, isText := starlark.AsString(v)
	age, err := engine.ParseAge(text)
	var d duration
	other := d.Unpack(v)
	switch {
	case isText && err == nil && strings.HasSuffix(text, "m") && other == nil:
		n := strings.TrimSuffix(text, "m")
		return fmt.Errorf("%s may be minutes or months: write %smin or %smo", v, n, n)
	case isText && err == nil:
		m.age = age
	case other == nil: // fractions, and seconds
		m.duration = time.Duration(d)
	case isText:
		return err
	default:
		return other
	}
	return nil
}

// since returns when what is that old began.
func (m *maxAge) since(now time.Time) time.Time {
	if m.age != nil {
		return m.age.Before(now)
	}
	return now.Add(-m.duration)
}

// checkAge takes the snapshots with the newest first.
func (s *Session) checkAge(all []*engine.Snapshot, names []string, since time.Time) starlark.Value {
	if len(names) == 0 {
		for _, snapshot := range all {
			names = append(names, snapshot.Name)
		}
		slices.Sort(names)
		names = slices.Compact(names)
		s.stale = s.stale || len(names) == 0 // no backup at all is no young one
	}
	if s.checked == nil {
		s.checked = map[string]*engine.Snapshot{}
	}
	list := make([]starlark.Value, len(names))
	for i, name := range names {
		row := nameAge{name: name}
		complete := func(snapshot *engine.Snapshot) bool { return snapshot.Name == name && snapshot.Complete() }
		at := slices.IndexFunc(all, func(snapshot *engine.Snapshot) bool {
			return complete(snapshot) && !engine.IsAhead(snapshot.Started, s.Now)
		})
		if at < 0 {
			at = slices.IndexFunc(all, complete)
		}
		s.checked[name] = nil
		if at >= 0 {
			s.checked[name] = all[at]
			row.snapshot, row.age = &Snapshot{all[at], s}, s.Now.Sub(all[at].Started)
			row.ok = !all[at].Started.Before(since)
		}
		if !row.ok {
			s.stale = true
		}
		list[i] = ageAttributes.record("age", row)
	}
	return starlark.NewList(list)
}

// nameAge is how old the newest complete snapshot of a name is.
type nameAge struct {
	name     string
	snapshot *Snapshot // nil: there is none
	age      time.Duration
	ok       bool
}

var ageAttributes = attributes[nameAge]{
	"name": textOf("the backup name", func(a nameAge) string { return a.name }),
	"ok":   boolOf("whether the newest complete snapshot of the name is young enough", func(a nameAge) bool { return a.ok }),
	"snapshot": valueOf("Snapshot", "the newest complete snapshot of the name; None if there is none", func(a nameAge) starlark.Value {
		if a.snapshot == nil {
			return starlark.None
		}
		return a.snapshot
	}),
	"age": valueOf("duration", "how old the newest complete snapshot of the name is; None if there is none", func(a nameAge) starlark.Value {
		if a.snapshot == nil {
			return starlark.None
		}
		return startime.Duration(a.age)
	}),
}

// Checked returns the newest complete snapshot of each name whose age a script
// has checked, nil where there is none.
func (s *Session) Checked() map[string]*engine.Snapshot { return s.checked }

// Stale reports whether a script has found a snapshot to be too old.
func (s *Session) Stale() bool { return s.stale }
