package builtins

import (
	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/runtime"
)

var removeMethod = runtime.Builtin{
	Name:      "remove",
	Signature: "remove(despite_checks=False)",
	Doc:       "remove the snapshot and return a removal; refused for the newest complete one of a name, and for one tagged pinned; left out where a check of the name has failed, but with despite_checks",
	Effect:    true,
	Kind:      "remove",
	Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var despite bool
		if err := runtime.Unpack(fn.Name(), args, kwargs, "despite_checks?", &despite); err != nil {
			return nil, err
		}
		snapshot := fn.Receiver().(*Snapshot)
		return snapshot.session.remove(thread, despite, snapshot.Snapshot)
	},
}

func (s *Session) removeBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "remove",
		Signature: "remove(snapshots, despite_checks=False)",
		Doc:       "remove all of the snapshots and return a removal, or none where one has to stay; faster than one by one; those of a name are left out of which a check has failed, but with despite_checks",
		Effect:    true,
		Kind:      "remove",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var list starlark.Iterable
			var despite bool
			if err := runtime.Unpack(fn.Name(), args, kwargs, "snapshots", &list, "despite_checks?", &despite); err != nil {
				return nil, err
			}
			var snapshots []*engine.Snapshot
			for v := range starlark.Elements(list) {
				snapshot, ok := v.(*Snapshot)
				if !ok {
					return nil, runtime.Usagef("remove: got a list with a %s in it, want snapshots", v.Type())
				}
				snapshots = append(snapshots, snapshot.Snapshot)
			}
			return s.remove(thread, despite, snapshots...)
		},
	}
}

// remove returns what was freed, or with a dry run would be.
func (s *Session) remove(thread *starlark.Thread, despiteChecks bool, snapshots ...*engine.Snapshot) (starlark.Value, error) {
	ctx := runtime.Context(thread)
	wanted := len(snapshots)
	var err error
	if despiteChecks {
		err = s.accept(ctx, snapshots)
	} else {
		snapshots, err = s.withhold(ctx, snapshots)
	}
	if err != nil {
		return nil, err
	}
	if wanted > 0 && len(snapshots) == 0 {
		return removalValue(&engine.Removal{}), nil // the end of the run tells why
	}
	removal, err := s.Engine.Remove(ctx, snapshots...)
	if removal != nil && len(snapshots) > 0 { // with an error, it is of what is removed all the same
		s.mu.Lock()
		s.removals = append(s.removals, removal)
		s.mu.Unlock()
	}
	if err != nil {
		return nil, err
	}
	if len(snapshots) > 0 && s.Engine.DryRun() {
		s.planned("remove", "%v", removal)
	}
	return removalValue(removal), nil
}

var removalAttributes = attributes[*engine.Removal]{
	"snapshots": intOf("how many snapshots were removed, or with --dry-run would be", func(r *engine.Removal) int { return len(r.Snapshots) }),
	"files":     intOf("how many contents only these snapshots held", func(r *engine.Removal) int64 { return r.Files }),
	"bytes":     intOf("how many bytes the removal frees", func(r *engine.Removal) int64 { return r.Bytes }),
}

func removalValue(r *engine.Removal) starlark.Value { return removalAttributes.record("removal", r) }
