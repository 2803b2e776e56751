package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

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
