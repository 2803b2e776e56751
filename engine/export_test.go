package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/engine"
)

func TestExport(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	to := filepath.Join(filepath.Dir(r.root), "out", "it's.sqlite")
	r.must(os.Mkdir(filepath.Dir(to), 0o755))
	if err := r.engine().Export(t.Context(), to); !errors.Is(err, engine.ErrNoRoot) {
		t.Errorf("without a root: %v", err)
	}
	r.write("a", "1", "b", "12")
	r.backup()
	r.must(r.engine().Export(t.Context(), to))
	first, err := os.ReadFile(to)
	r.must(err)
	if !strings.HasPrefix(string(first), "SQLite format 3\x00") {
		t.Errorf("it begins with %q", first[:20])
	}

	// Another one takes its place, and what a kill has left long ago goes.
	old := filepath.Join(filepath.Dir(to), ".it's.sqlite.tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	young := filepath.Join(filepath.Dir(to), ".it's.sqlite.tmp-BBCDEFGHIJKLMNOPQRSTUVWXYZ")
	other := filepath.Join(filepath.Dir(to), ".it's.sqlite.tmp-mine")
	for _, path := range []string{old, young, other} {
		r.must(os.WriteFile(path, nil, 0o600))
	}
	r.must(os.Chtimes(old, time.Now().Add(-48*time.Hour), time.Now().Add(-48*time.Hour)))
	r.must(os.Chtimes(other, time.Now().Add(-48*time.Hour), time.Now().Add(-48*time.Hour)))
	r.write("c", "123")
	r.backup()
	r.must(r.engine().Export(t.Context(), to))
	second, err := os.ReadFile(to)
	r.must(err)
	if string(second) == string(first) {
		t.Error("the export is what it was before")
	}
	for path, stays := range map[string]bool{old: false, young: true, other: true} {
		if _, err := os.Lstat(path); (err == nil) != stays {
			t.Errorf("%s: %v", path, err)
		}
		os.Remove(path)
	}

	// What fails leaves what is there, and nothing beside it.
	r.must(os.WriteFile(filepath.Join(filepath.Dir(to), "letter"), []byte("Dear Ann, this is no database"), 0o644))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		ctx  context.Context
		to   string
		want error
	}{
		{t.Context(), filepath.Join(filepath.Dir(to), "letter"), engine.ErrNoDatabase},
		{t.Context(), filepath.Dir(to), engine.ErrNoDatabase},
		{t.Context(), filepath.Join(r.root, "x.sqlite"), engine.ErrExportIntoRoot},
		{t.Context(), filepath.Join(r.root, "source", "latest", "a"), engine.ErrExportIntoRoot},
		{t.Context(), filepath.Join(filepath.Dir(to), "none", "x.sqlite"), os.ErrNotExist},
		{canceled, to, context.Canceled},
	} {
		if err := r.engine().Export(test.ctx, test.to); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.to, err, test.want)
		}
	}
	if now, err := os.ReadFile(to); err != nil || string(now) != string(second) {
		t.Errorf("an export that failed has changed the one before: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(to))
	r.must(err)
	if len(left) != 2 {
		t.Errorf("left behind %v", left)
	}

	// A dry run looks, and writes nothing.
	r.must(os.Remove(to))
	r.must(r.dry().Export(t.Context(), to))
	if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dry run: %v", err)
	}
}
