package walk

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"phlb/engine/manifest"
)

// tb is what testing and rapid have in common.
type tb interface {
	Context() context.Context
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

var (
	_ tb = (*testing.T)(nil)
	_ tb = (*rapid.T)(nil)
)

// seen is what a walk came upon.
type seen struct {
	entries []Entry // folders among them, in the order in which they came
	errors  []error
	skipped int
	left    []Left
}

func (s *seen) paths() []string {
	paths := make([]string, 0, len(s.entries))
	for i := range s.entries {
		paths = append(paths, s.entries[i].Path)
	}
	return paths
}

// entry returns the one at path.
func (s *seen) entry(t tb, path string) *Entry {
	t.Helper()
	for i := range s.entries {
		if s.entries[i].Path == path {
			return &s.entries[i]
		}
	}
	t.Fatalf("%q was not walked; %d entries, beginning with %q", path, len(s.entries), s.paths()[:min(20, len(s.entries))])
	return nil
}

// gather runs w and checks what every batch has to keep to.
func gather(t tb, w *Walk) *seen {
	t.Helper()
	s, err := tryGather(t, w)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryGather(t tb, w *Walk) (*seen, error) {
	t.Helper()
	var s seen
	var open *Folder // whose Last has not come yet
	begun, ended := map[*Folder]bool{}, map[*Folder]bool{}
	w.NamesLeft = true
	err := w.Run(t.Context(), func(b *Batch) error {
		s.errors = append(s.errors, b.Errors...)
		s.skipped += b.Skipped
		s.left = append(s.left, b.Left...)
		if len(b.Left) != b.Skipped {
			t.Errorf("%s: %d were skipped, but named are %v", b.Path, b.Skipped, b.Left)
		}
		if ended[b.Folder] {
			if b.First || b.Last || len(b.Names) > 0 || len(b.Errors) == 0 {
				t.Errorf("%s: a batch after the last that does more than report errors", b.Path)
			}
			return nil
		}
		if b.First == begun[b.Folder] {
			t.Errorf("%s: First is %v", b.Path, b.First)
		}
		if open != nil && open != b.Folder {
			t.Errorf("%s comes before the last batch of %s", b.Path, open.Spell())
		}
		if p := b.Folder.Parent; p != nil && !ended[p] {
			t.Errorf("%s comes before the last batch of its parent", b.Path)
		}
		if b.First {
			begun[b.Folder] = true
			own := b.Folder.Entry
			own.Path = b.Path
			if spelled := b.Folder.Spell(); spelled != b.Path {
				t.Errorf("%s is spelled %s", b.Path, spelled)
			}
			s.entries = append(s.entries, own)
		}
		open = b.Folder
		if b.Last {
			open, ended[b.Folder] = nil, true
		} else if len(b.Names) != batchSize {
			t.Errorf("%s: a batch before the last has %d names", b.Path, len(b.Names))
		}
		if !slices.IsSorted(b.Names) {
			t.Errorf("%s: names are not sorted: %q", b.Path, b.Names)
		}
		at := 0
		for i := range b.Entries {
			e := &b.Entries[i]
			for at < len(b.Names) && b.Names[at] != e.Name() {
				at++
			}
			if at == len(b.Names) || e.Path != b.join(b.Names[at]) || e.Kind == manifest.Dir {
				t.Errorf("%s: entry %q (%v) is out of place in %q", b.Path, e.Path, e.Kind, b.Names)
			}
		}
		s.entries = append(s.entries, b.Entries...)
		return nil
	})
	if err == nil && len(begun) != len(ended) {
		t.Errorf("%d folders were begun, %d ended", len(begun), len(ended))
	}
	for i := 1; i < len(s.entries); i++ {
		if a, b := &s.entries[i-1], &s.entries[i]; manifest.Compare(&a.Entry, &b.Entry) >= 0 {
			t.Errorf("%q comes before %q", a.Path, b.Path)
		}
	}
	return &s, err
}

// grow makes files below dir, and directories of paths that end in a slash.
func grow(t tb, dir string, paths ...string) {
	t.Helper()
	for _, path := range paths {
		full := filepath.Join(dir, path)
		parent := filepath.Dir(full)
		if strings.HasSuffix(path, "/") {
			parent = full
		}
		must(t, os.MkdirAll(parent, 0o755))
		if parent != full {
			must(t, os.WriteFile(full, []byte(path), 0o644))
		}
	}
}

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantPaths(t tb, s *seen, want ...string) {
	t.Helper()
	if got := s.paths(); !slices.Equal(got, want) {
		t.Errorf("walked\n%q, want\n%q", got, want)
	}
}

func wantNoErrors(t tb, s *seen) {
	t.Helper()
	if len(s.errors) > 0 {
		t.Errorf("errors: %v", s.errors)
	}
}
