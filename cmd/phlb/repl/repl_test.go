package repl

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
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
		Engine: e, Session: &builtins.Session{Engine: e, Now: now(), Saved: func(name string, args []any, _, _ map[string]any) (string, map[string]any, error) {
			return "", nil, fmt.Errorf("no question %q of %d", name, len(args))
		}}, In: strings.NewReader(in), Out: out, Err: out,
		Questions: func() []string { return []string{"mine", "others"} },
		Width:     func() int { return 0 }, Now: now, Watch: func(*engine.Progress) func() { return func() {} }, Limit: func(*runtime.Host) {},
	}, out
}

func TestRun(t *testing.T) {
	for _, tt := range []struct{ name, in, out, err string }{
		{"Script", "6 * 7\n", "42\n", ""},
		{"Block", "def twice(n):\n    return 2 * n\n\ntwice(4)\n", "8\n", ""},
		{"Unfinished", "twice(", "", "got end of file, want"},
		{"Mode", ".mode csv\n.mode\n", "csv\n", ""},
		{"NoMode", ".mode cvs\n", "", "no mode cvs, only table, box, markdown, line, json, csv, tsv"},
		{"Meant", ".modes\n", "", "no command .modes: did you mean .mode?"},
		{"Clock", "now().unix\n", "1700000000\n", ""},
		{"FirstErrorEnds", "1 // 0\n2\n", "", "floored division by zero"},
		{"Effect", `link(scan("."), name = "new")` + "\n", "", "nobody is there to confirm it: phlb repl --yes"},
		{"Quit", "1\n.quit\n2\n", "1\n", ""},
		{"QuitAsElsewhere", "1\nquit\n2\n", "1\n", ""},
		{"Exit", "1\nexit()\n2\n", "1\n", ""},
		{"ExitIsAName", "exit = 3\nexit\n", "3\n", ""},
		{"Language", ".language ql\n.language\n", "ql\n", ""},
		{"NoLanguage", ".language lq\n", "", "no language lq, only sql and ql"},
		{"NoQuestion", "@ma'no such' x\n", "", `query: no question "mano such" of 1`},
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
		"WITH a AS (SELECT hum":               "human(",
		"SELECT group_c":                      "group_concat(",
		"SELECT 1 HAV":                        "HAVING",
		"@mi":                                 "mine",
		"1 + 1\n@":                            "others",
		".language s":                         "sql",
		".schema ag":                          "ago",
		".mode mark":                          "markdown",
		"SELECT path FROM versions WHERE unt": "until",
		"1 + 1\n\n.schema snap":               "snapshots",
	} {
		if _, names := r.complete(text, ""); !slices.Contains(names, want) {
			t.Errorf("%q is completed to %q, want %s", text, names, want)
		}
	}
}

// Tab computes nothing, and looks through no more than one folder.
func TestCompleteComputesNothing(t *testing.T) {
	c, _ := session(t, "")
	r := &repl{Config: c, REPL: (&runtime.Host{}).NewREPL("stdin")}
	dir := t.TempDir()
	for _, name := range []string{"a[b].star", "ab.star"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string][]string{
		"list(range(10000000000)).":         nil,
		"[x for x in range(1 << 60)].":      nil,
		"(lambda: 'x' * (1 << 40))().":      nil,
		"json.decode('[' * 1000000).":       nil,
		"json.dec":                          {"decode"},
		".load " + dir + "/a[b]":            {dir + "/a[b].star"},
		".load " + dir + "/*":               nil,
		".load " + dir + "/../*/*/*/a":      nil,
		strings.Repeat("(", 1000000) + "js": {"json"},
	} {
		if _, names := r.complete(text, ""); !slices.Equal(names, want) {
			t.Errorf("%.40q is completed to %q, want %q", text, names, want)
		}
	}
}

func TestScanSQL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]int{
		"SELECT 1":                           {0, -1},
		"SELECT 1;":                          {9, -1},
		"SELECT ';' ; x":                     {12, -1},
		"SELECT 'it''s;', \";\", [;], `;`;x": {31, -1},
		"SELECT 1 -- ;\n;":                   {15, -1},
		"SELECT /* ; ' */ 1;":                {19, -1},
		"SELECT 'a":                          {0, 7},
		"SELECT a FROM \"b":                  {0, 14},
		"SELECT 1 -- it's":                   {0, -1},
		"SELECT /* it's":                     {0, -1},
		"SELECT 'a'''":                       {0, -1},
		"SELECT 'a''":                        {0, 10},
		"":                                   {0, -1},
	} {
		if length, open := scanSQL(text); [2]int{length, open} != want {
			t.Errorf("%q: %d, %d, want %v", text, length, open, want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"@a": {"@a"}, "@a b  c": {"@a", "b", "c"}, "@a 'b c' \"d'e\"": {"@a", "b c", "d'e"}, "@a '' b\tc": {"@a", "", "b", "c"},
		"@a b' 'c": {"@a", "b c"}, "": nil,
	} {
		if got := words(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
