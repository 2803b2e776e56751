package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/engine/manifest"
)

// TestHistory reads back what was made up.
func TestHistory(t *testing.T) {
	h := &history{root: t.TempDir(), name: "made", paths: 10_500, snapshots: 4, seed: 1}
	if err := h.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(h.root, "made", "*"+manifest.Suffix))
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	versions := map[string]bool{} // a path with its digest and time
	before := 0
	for i, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := manifest.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range r.Entries() {
			if err != nil {
				t.Fatal(err)
			}
			versions[e.Path+e.Digest.String()+e.Mtime.Time().String()] = true
		}
		if got := r.Summary(); got.Entries != 10_500 || got.New != int64(len(versions)-before) {
			t.Errorf("%s: %+v, of which %d are new", file, got, len(versions)-before)
		}
		if changed := len(versions) - before; i > 0 && (changed < 50 || changed > 200) {
			t.Errorf("%s: %d of 10,500 changed, want 1 %%", file, changed)
		}
		before = len(versions)
	}
	if len(versions) != h.versions {
		t.Errorf("%d versions, said to be %d", len(versions), h.versions)
	}
}

// phlbBinary returns a phlb to measure.
func phlbBinary(t *testing.T) string {
	need(t, "go")
	p, err := findPhlb(t.Context(), options{}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return p.path
}

func TestFigures(t *testing.T) {
	need(t, "cp", "rm")
	phlb := phlbBinary(t)
	for name, o := range map[string]options{
		"Catalog": {catalog: true, paths: 300, history: 3},
		"More":    {more: true, src: makeTree(t, 120), many: 12},
	} {
		t.Run(name, func(t *testing.T) {
			o.phlb, o.dst, o.rounds, o.seed, o.script = phlb, t.TempDir(), 1, 1, "figures.go"
			f, err := measureFigures(t.Context(), o, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			var table bytes.Buffer
			if err := f.writeTable(&table); err != nil {
				t.Fatal(err)
			}
			want := []string{"phlb restore", "× cp -a", "phlb diff", "phlb remove", "× rm -rf", "phlb forget"}
			if o.catalog {
				want = []string{"entries/s", "bytes/version", "phlb snapshots", "phlb log", "versions(", "phlb find", "MiB peak", "unchanged",
					"phlb query, contents, top 3", "phlb query, a small root", "phlb export"}
			}
			for _, text := range want {
				if !strings.Contains(table.String(), text) {
					t.Errorf("no %q in\n%s", text, &table)
				}
			}
			if slices.ContainsFunc(f.Figures, func(f figure) bool { return len(f.Samples) > 0 && f.Best.Wall <= 0 }) {
				t.Errorf("something took no time:\n%s", &table)
			}
			if left, err := os.ReadDir(o.dst); err != nil || len(left) > 0 {
				t.Error("left behind:", left, err)
			}
		})
	}
}

func TestFigureFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-catalog", "-src", "/tmp"}, {"-catalog", "-more"}, {"-catalog", "-paths", "0"}, {"-more"},
	} {
		if _, err := parseFlags(args, io.Discard); err != errUsage {
			t.Errorf("%v: %v", args, err)
		}
	}
}
