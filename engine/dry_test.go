package engine_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
)

// dry returns an engine that changes nothing.
func (r *repo) dry() *engine.Engine { return r.dryIn(r.TempDir()) }

func (r *repo) dryIn(temp string) *engine.Engine {
	return engine.Open(r.config, engine.Environment{
		Host: "testhost", Boot: r.boot, Owner: "test", TempDir: temp, Now: r.now,
		Log: slog.NewTextHandler(r.log, nil), DryRun: true,
	})
}

// names lists all that lies below the root, with what a change would change.
func (r *repo) names() string {
	r.Helper()
	var all strings.Builder
	err := filepath.WalkDir(r.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		// Readers copy the catalog for themselves beside it, and lock nothing else.
		if d.Name() == ".phlb" {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err == nil {
			all.WriteString(path + " " + info.ModTime().String() + " " + info.Mode().String() + "\n")
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		r.Fatal(err)
	}
	return all.String()
}

func numbers(s manifest.Summary) [9]int64 {
	return [9]int64{s.Entries, s.Files, s.Bytes, s.Unchanged, s.Linked, s.New, s.NewBytes, s.Skipped, s.Errors}
}

// A dry run changes nothing, and its numbers are those of the run after it.
func TestDryRunOfBackup(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	large := strings.Repeat("0123456789abcdef", 1<<16)
	r.write("a", "one", "sub/b", "one", "sub/empty", "", "large", large, "sub/large", large, "linked", "two")
	r.must(os.Link(r.in("linked"), r.in("sub/linked")))
	r.must(os.Symlink("a", r.in("link")))
	plan := func() *engine.Snapshot {
		t.Helper()
		before := r.names()
		r.tick()
		s, err := r.dry().Backup(context.Background(), engine.Source{Root: r.source})
		r.must(err)
		if after := r.names(); after != before {
			t.Errorf("the dry run has changed the root from\n%s\nto\n%s", before, after)
		}
		return s
	}
	run := func() {
		t.Helper()
		planned, made := plan(), r.backup()
		if numbers(planned.Summary) != numbers(made.Summary) {
			t.Errorf("planned %+v, made %+v", planned.Summary, made.Summary)
		}
	}
	t.Run("First", func(t *testing.T) {
		run()
		if _, err := os.Stat(filepath.Join(r.root, ".phlb")); err != nil {
			t.Error("there is no root after the real run")
		}
	})
	t.Run("Unchanged", func(t *testing.T) { run() })
	t.Run("Changed", func(t *testing.T) {
		r.write("a", "three", "sub/c", "one", "sub/new", large+"more", "sub/copy", large)
		r.must(os.Remove(r.in("sub/b")))
		run()
	})
}

// A dry run of a first backup does not make the root.
func TestDryRunMakesNoRoot(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "one")
	s, err := r.dry().Backup(context.Background(), engine.Source{Root: r.source})
	r.must(err)
	r.counts(s, 0, 0, 1)
	if _, err := os.Lstat(r.root); !os.IsNotExist(err) {
		t.Errorf("the root is there: %v", err)
	}
}
