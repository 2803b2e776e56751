package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"phlb/cmd/phlb/show"
)

func TestLogger(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "notes/secret", Err: fs.ErrPermission}
	for _, tt := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"PathError", func(l *slog.Logger) { l.Error("cannot be read", "error", denied) },
			"phlb: error: cannot be read: notes/secret: permission denied\n"},
		{"Path", func(l *slog.Logger) { l.Warn("file was changed", "path", "a\x1b[2J") },
			"phlb: warning: file was changed: \"a\\x1b[2J\"\n"},
		{"Error", func(l *slog.Logger) { l.Warn("not used", "snapshot", "x", "error", errors.New("cut off")) },
			"phlb: warning: not used: x: cut off\n"},
		{"With", func(l *slog.Logger) {
			l.With("name", "a").With("name", "b").WithGroup("g").Info("seen", "at", time.Unix(0, 0))
		},
			"phlb: info: seen: a: b: " + time.Unix(0, 0).Format(time.DateTime) + "\n"},
		{"BelowLevel", func(l *slog.Logger) { l.Debug("unheard") }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stderr strings.Builder
			tt.log(slog.New(&logger{console: newConsole(nil, &stderr), level: slog.LevelInfo}))
			if stderr.String() != tt.want {
				t.Errorf("logged %q, want %q", &stderr, tt.want)
			}
		})
	}
}

// What a script says as it fails is cut on a terminal, by columns, and whole in JSON.
func TestLongMessage(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("PHLB_BACKUP_PATH", filepath.Join(dir, "root"))
	t.Chdir(dir)
	const n = 5 << 20 / 3
	if err := os.WriteFile("long.star", []byte(fmt.Sprintf("def main():\n    fail(%q * %d + %q)\n", "漢", n, "end")), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"exec", "./long.star"}, nil, &stdout, &stderr); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	first, rest, _ := strings.Cut(stderr.String(), "\n")
	prefix, said, _ := strings.Cut(first, "fail: ")
	if !strings.HasSuffix(prefix, "long.star:2:9: ") || !strings.HasPrefix(said, "漢") || !strings.Contains(said, "…") || !strings.HasSuffix(said, "end") {
		t.Errorf("it said %.1000q", first)
	}
	if columns := runewidth.StringWidth(said); columns < 190 || columns > 200 {
		t.Errorf("it said %d columns, want 200", columns)
	}
	if len(rest) > 200 {
		t.Errorf("it went on with %.1000q", rest)
	}
	stderr.Reset()
	run(t.Context(), []string{"--json", "exec", "./long.star"}, nil, &stdout, &stderr)
	var d document
	if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(d.Error, "漢"); got != n+1 { // one is in the line of the script
		t.Errorf("%d characters in JSON, want %d", got, n)
	}
	if len(stderr.String()) > 1000 {
		t.Errorf("beside JSON it said %.1000q", stderr.String())
	}
}

// Nor does an error of another kind, or a value in a message, fill a terminal.
func TestLongValues(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("漢", 1<<20)
	var stderr strings.Builder
	c := newConsole(nil, &stderr)
	c.warn("warning: %v", errors.New(long))
	slog.New(&logger{console: c}).Warn("lock", "holder", long, "error", &fs.PathError{Op: "open", Path: long, Err: errors.New("is busy")})
	lines := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[1], "…: is busy") {
		t.Errorf("said %.2000q", lines)
	}
	for _, line := range lines {
		if columns := runewidth.StringWidth(line); columns > 450 {
			t.Errorf("%d columns: %.2000q", columns, line)
		}
	}
}

// An interruption is one only for what it has stopped.
func TestExitCodeOfInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := &command{console: newConsole(nil, nil)}
	if code := c.exitCode(ctx, nil); code != 0 {
		t.Errorf("exit code %d of what was done before, want 0", code)
	}
	if code := c.exitCode(ctx, context.Canceled); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}

// Colours are for terminals.
func TestColoured(t *testing.T) {
	if coloured(&strings.Builder{}) || paint(&strings.Builder{}, show.Red, "error") != "error" {
		t.Error("what is no terminal has colours")
	}
}
