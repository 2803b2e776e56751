package repl

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"phlb/builtins"
	"phlb/engine"
	"phlb/engine/config"
	"phlb/runtime"
)

// session returns what a session needs that has no terminal, and what it writes.
func session(t *testing.T, in string) (Config, *strings.Builder) {
	t.Helper()
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	e := engine.Open(&config.Config{BackupPath: t.TempDir()}, engine.Environment{TempDir: t.TempDir(), Now: now, Log: slog.DiscardHandler})
	t.Cleanup(func() { e.Close() })
	out := &strings.Builder{}
	return Config{
		Engine: e, Session: &builtins.Session{Engine: e, Now: now()}, In: strings.NewReader(in), Out: out, Err: out,
		Width: func() int { return 0 }, Now: now, Watch: func(*engine.Progress) func() { return func() {} }, Limit: func(*runtime.Host) {},
	}, out
}

func TestRun(t *testing.T) {
	for _, tt := range []struct{ name, in, out, err string }{
		{"Script", "6 * 7\n", "42\n", ""},
		{"Block", "def twice(n):\n    return 2 * n\n\ntwice(4)\n", "8\n", ""},
		{"Unfinished", "twice(", "", "got end of file, want"},
		{"Mode", ".mode csv\n.mode\n", "csv\n", ""},
		{"NoMode", ".mode cvs\n", "", "no mode cvs, only table, line, json, csv, tsv"},
		{"Meant", ".modes\n", "", "no command .modes: did you mean .mode?"},
		{"Clock", "now().unix\n", "1700000000\n", ""},
		{"FirstErrorEnds", "1 // 0\n2\n", "", "floored division by zero"},
		{"Effect", `link(scan("."), name = "new")` + "\n", "", "nobody is there to confirm it: phlb repl --yes"},
		{"Quit", "1\n.quit\n2\n", "1\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, out := session(t, tt.in)
			err := Run(context.Background(), c)
			switch {
			case err == nil && tt.err != "", err != nil && (tt.err == "" || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error %v, want %q", err, tt.err)
			case out.String() != tt.out:
				t.Errorf("wrote %q, want %q", out, tt.out)
			}
		})
	}
}

func TestComplete(t *testing.T) {
	c, _ := session(t, "")
	r := &repl{Config: c}
	for text, want := range map[string]string{
		".ta":                                 ".tables",
		".mode cs":                            "csv",
		"SELECT path FROM vers":               "versions",
		"SELECT path FROM versions WHERE unt": "until",
		"1 + 1\n\n.schema snap":               "snapshots",
	} {
		if _, names := r.complete(text, ""); !slices.Contains(names, want) {
			t.Errorf("%q is completed to %q, want %s", text, names, want)
		}
	}
}
