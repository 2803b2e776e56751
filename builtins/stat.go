package builtins

import (
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

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
		return statValue(snapshot, stat), nil
	},
}

func statValue(snapshot *Snapshot, stat *engine.Stat) starlark.Value {
	devices := stat.Kinds[manifest.BlockDevice] + stat.Kinds[manifest.CharDevice]
	fields := starlark.StringDict{"snapshot": snapshot, "verified": starlark.None}
	if !stat.Verified.IsZero() {
		fields["verified"] = startime.Time(stat.Verified)
	}
	for name, n := range map[string]int64{
		"files": stat.Kinds[manifest.File], "dirs": stat.Kinds[manifest.Dir], "symlinks": stat.Kinds[manifest.Symlink],
		"fifos": stat.Kinds[manifest.Fifo], "sockets": stat.Kinds[manifest.Socket], "devices": devices,
		"bytes": stat.Bytes, "only_files": stat.OnlyFiles, "only_bytes": stat.OnlyBytes,
	} {
		fields[name] = starlark.MakeInt64(n)
	}
	return starlarkstruct.FromStringDict(starlark.String("stat"), fields)
}
