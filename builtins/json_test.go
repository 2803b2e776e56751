package builtins

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"phlb/engine"
	"phlb/engine/catalog"
	"phlb/engine/manifest"
)

func TestPlain(t *testing.T) {
	dict := starlark.NewDict(2)
	dict.SetKey(starlark.String("b"), starlark.MakeInt(1))
	dict.SetKey(starlark.MakeInt(2), starlark.None)
	noon := time.Date(2026, 11, 22, 12, 0, 0, 500, time.FixedZone("CET", 3600))
	snapshot := &engine.Snapshot{Path: "/b/docs/x", Snapshot: catalog.Snapshot{
		ID: 7, Stamp: "x",
		Header:  manifest.Header{Name: "docs", Source: "/src", Host: "h", Started: noon},
		Summary: manifest.Summary{Finished: noon, Files: 3, Bytes: 4, New: 1, NewBytes: 2, Errors: 1},
	}}
	const snapshotJSON = `{"id":7,"name":"docs","stamp":"x","path":"/b/docs/x","time":"2026-11-22T11:00:00.0000005Z",` +
		`"finished":"2026-11-22T11:00:00.0000005Z","source":"/src","host":"h","tags":[],"files":3,"bytes":4,"unchanged":0,` +
		`"linked":0,"new":1,"new_bytes":2,"skipped":0,"skipped_folders":0,"errors":1,"complete":false}`
	for _, tt := range []struct {
		name  string
		value starlark.Value
		want  string
	}{
		{"None", starlark.None, "null"},
		{"Bool", starlark.True, "true"},
		{"LargeInt", starlark.MakeUint64(math.MaxUint64), "18446744073709551615"},
		{"Float", starlark.Float(2.5), "2.5"},
		{"Infinity", starlark.Float(math.Inf(1)), `"+inf"`},
		{"String", starlark.String("ä"), `"ä"`},
		{"NotUTF8", starlark.String("\xe4"), `"\"\\xe4\""`},
		{"Bytes", starlark.Bytes("\xe4x"), `"e478"`},
		{"Time", startime.Time(noon), `"2026-11-22T11:00:00.0000005Z"`},
		{"TimeFar", startime.Time(time.Unix(300_000_000_000, 0)), `"11476-08-15T05:20:00Z"`},
		{"TimeBefore", startime.Time(time.Unix(-1<<40, 0)), `"-32873-11-12T23:23:44Z"`},
		{"Duration", startime.Duration(1500 * time.Millisecond), "1.5"},
		{"EmptyList", starlark.NewList(nil), "[]"},
		{"Tuple", starlark.Tuple{starlark.MakeInt(1), starlark.String("x")}, `[1,"x"]`},
		{"Dict", dict, `{"2":null,"b":1}`},
		{"Struct", starlarkstruct.FromStringDict(starlark.String("row"), starlark.StringDict{
			"n": starlark.MakeInt(1), "f": starlark.NewBuiltin("f", nil),
		}), `{"n":1}`},
		{"Function", starlark.NewBuiltin("f", nil), `"\u003cbuilt-in function f\u003e"`},
		{"Snapshot", &Snapshot{Snapshot: snapshot}, snapshotJSON},
		{"Report", &Report{Report: &engine.Report{Snapshot: snapshot, Files: 3, Problems: []engine.Problem{{Path: "a", What: engine.Missing}}}},
			`{"ok":false,"snapshot":` + snapshotJSON + `,"added":[],"files":3,"read":0,"bytes":0,"read_before":0,"removed":0,"linked":0,"saved":0,` +
				`"problems":[{"path":"a","what":"missing"}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plain, err := Plain(tt.value)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(plain)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	t.Run("HoldsItself", func(t *testing.T) {
		list := starlark.NewList(nil)
		list.Append(list)
		if plain, err := Plain(list); err == nil {
			t.Errorf("no error, but %v", plain)
		}
	})
}
