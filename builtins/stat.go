package builtins

import (
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/runtime"
)

var statMethod = runtime.Builtin{
	Name:      "stat",
	Signature: "stat()",
	Doc:       "a stat: what the snapshot holds, by kind, what only it holds, and when it was last verified",
	Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if err := runtime.Unpack(fn.Name(), args, kwargs); err != nil {
			return nil, err
		}
		snapshot := fn.Receiver().(*Snapshot)
		stat, err := snapshot.session.Engine.Stat(runtime.Context(thread), snapshot.Snapshot)
		if err != nil {
			return nil, err
		}
		return statAttributes.record("stat", snapshotStat{snapshot, stat}), nil
	},
}

// snapshotStat is a snapshot with what is known of it.
type snapshotStat struct {
	snapshot *Snapshot
	*engine.Stat
}

func kindCount(doc string, kinds ...manifest.Kind) attribute[snapshotStat] {
	return intOf(doc, func(s snapshotStat) (n int64) {
		for _, kind := range kinds {
			n += s.Kinds[kind]
		}
		return n
	})
}

var statAttributes = attributes[snapshotStat]{
	"snapshot":   valueOf("Snapshot", "the snapshot that the numbers are of", func(s snapshotStat) starlark.Value { return s.snapshot }),
	"files":      kindCount("how many files the snapshot has", manifest.File),
	"bytes":      intOf("the sizes of all files of the snapshot, together", func(s snapshotStat) int64 { return s.Bytes }),
	"dirs":       kindCount("how many directories the snapshot has", manifest.Dir),
	"symlinks":   kindCount("how many symbolic links the snapshot has", manifest.Symlink),
	"fifos":      kindCount("how many named pipes the snapshot has", manifest.Fifo),
	"sockets":    kindCount("how many sockets the snapshot has", manifest.Socket),
	"devices":    kindCount("how many devices the snapshot has", manifest.BlockDevice, manifest.CharDevice),
	"only_files": intOf("how many contents no other snapshot holds", func(s snapshotStat) int64 { return s.OnlyFiles }),
	"only_bytes": intOf("how many bytes removing the snapshot would free", func(s snapshotStat) int64 { return s.OnlyBytes }),
	"verified": valueOf("time", "when the snapshot was last verified; None if that is not known", func(s snapshotStat) starlark.Value {
		if s.Verified.IsZero() {
			return starlark.None
		}
		return startime.Time(s.snapshot.session.local(s.Verified))
	}),
}
