package builtins

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/engine/walk"
	"phlb/runtime"
)

// Explanations returns what the scans that the script has linked make of the
// path in Explain.
func (s *Session) Explanations() []*engine.Explanation { return s.explained }

// explain stands in for link: it notes what the scan makes of the path, and
// returns a snapshot that is nowhere.
func (s *Session) explain(scan *Scan, source engine.Source) (starlark.Value, error) {
	x, err := s.Engine.Explain(source, s.Explain)
	if err != nil {
		return nil, err
	}
	if x.Reason == walk.ByWhere {
		x.By, x.Over = whereRule(scan.where), nil
	}
	s.explained = append(s.explained, x)
	snapshot := &engine.Snapshot{Path: filepath.Join(s.Engine.Config.BackupPath, x.Name, "explained")}
	snapshot.Name, snapshot.Stamp, snapshot.Source, snapshot.Tags = x.Name, "explained", x.Root, source.Tags
	snapshot.Started, snapshot.Finished = s.Now, s.Now
	return &Snapshot{snapshot, s}, nil
}

// whereRule names a function, and says where it stands.
func whereRule(fn starlark.Callable) *walk.Rule {
	r := &walk.Rule{Text: fn.Name()}
	if fn, ok := fn.(*starlark.Function); ok {
		r.Origin = fn.Position().String()
	}
	return r
}

// placeholders are what builtins and methods return while a path is explained:
// nothing is to be changed then, and no content to be read.
var placeholders = map[string]func(*Session, *starlark.Thread, starlark.Tuple) starlark.Value{
	"verify": emptyReport,
	"add":    emptyReport,
	"restore": func(*Session, *starlark.Thread, starlark.Tuple) starlark.Value {
		return &Restored{Restored: &engine.Restored{Dry: true}}
	},
	"remove": func(*Session, *starlark.Thread, starlark.Tuple) starlark.Value {
		return removalValue(&engine.Removal{})
	},
	"check_query": func(*Session, *starlark.Thread, starlark.Tuple) starlark.Value {
		return checkAttributes.record("check", &CheckResult{OK: true})
	},
	"diff": func(*Session, *starlark.Thread, starlark.Tuple) starlark.Value { return starlark.NewList(nil) },
	"hash": func(_ *Session, thread *starlark.Thread, args starlark.Tuple) starlark.Value {
		if len(args) > 0 && args[0].Type() == "Scan" {
			return runtime.NewStream(thread, "Hashes", func(func(starlark.Value, error) bool) {})
		}
		return starlark.String(strings.Repeat("0", 64))
	},
	"run":  func(*Session, *starlark.Thread, starlark.Tuple) starlark.Value { return ran{}.value() },
	"get":  emptyAnswer,
	"post": emptyAnswer,
}

func emptyReport(s *Session, _ *starlark.Thread, _ starlark.Tuple) starlark.Value {
	return &Report{Report: &engine.Report{}, session: s}
}

func emptyAnswer(*Session, *starlark.Thread, starlark.Tuple) starlark.Value {
	return answer{status: http.StatusOK}.value()
}

// inert puts placeholders into a table while a path is explained. What else has
// an effect returns None.
func (s *Session) inert(t runtime.Table) runtime.Table {
	if s.Explain == "" {
		return t
	}
	t = slices.Clone(t)
	for i, b := range t {
		placeholder, ok := placeholders[b.Name]
		if b.Name == "link" || !ok && !b.Effect {
			continue
		}
		t[i].Func = func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if !ok {
				return starlark.None, nil
			}
			return placeholder(s, thread, args), nil
		}
	}
	return t
}
