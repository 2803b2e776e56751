package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/engine"
)

const runsByName = "SELECT verb, name, stamp, outcome, error FROM runs"

// TestCatalogDeleted deletes the catalog: runs, verifications and damage are
// there again, and no rot is linked to.
func TestCatalogDeleted(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	record := filepath.Join(r.root, ".phlb", "record")
	r.write("a", "content", "b", "other")
	first := r.backup()
	r.rot(filepath.Join(first.Path, "a"))
	r.verify(first, all)
	if _, err := r.try(engine.Source{Root: r.in("nothing"), Name: "gone"}); err == nil {
		t.Fatal("a source that is not there was backed up")
	}
	runs, verifications := r.ask(runsByName), r.ask(verified)
	const damage = "SELECT digest, snapshot, path, found, what FROM damage"
	rotten := r.ask(damage)
	if len(runs) != 3 || len(verifications) != 1 || len(rotten) != 1 {
		t.Fatalf("%q, %q, %q", runs, verifications, rotten)
	}
	check := func() {
		t.Helper()
		r.answers(runsByName, runs...)
		r.answers(verified, verifications...)
		r.answers(damage, rotten...)
	}
	written, err := os.ReadFile(record)
	r.must(err)
	for range 2 {
		r.must(os.Remove(r.config.Catalog))
		check()
	}
	// Half a line, as a power loss leaves it, and one that is none.
	r.must(os.WriteFile(record, append(written, "{\"run\":{}]}\n{\"healed\":\"01"...), 0o600))
	check()
	r.must(os.Remove(r.config.Catalog))
	check()
	r.write("copy of a", "content")
	second := r.backup()
	r.alike(second)
	r.together(false, filepath.Join(first.Path, "a"), filepath.Join(second.Path, "copy of a"))
	runs = append(runs, "backup source "+second.Stamp+" ok ")
	check()
	r.must(os.Remove(r.config.Catalog))
	check()

	// Who deletes the record loses nothing either, as long as there is a catalog.
	r.must(os.Remove(record))
	check()
	third := r.backup()
	runs = append(runs, "backup source "+third.Stamp+" ok ")
	check()
	r.must(os.Remove(r.config.Catalog))
	check()

	// A dry run writes nothing down.
	before, err := os.ReadFile(record)
	r.must(err)
	dry := r.dry()
	defer dry.Close()
	_, err = dry.Backup(r.Context(), engine.Source{Root: r.source})
	r.must(err)
	if after, err := os.ReadFile(record); err != nil || string(after) != string(before) {
		t.Errorf("a dry run has written %q, %v", strings.TrimPrefix(string(after), string(before)), err)
	}
}

// TestCatalogElsewhere has two catalogs for one root: each knows what was done
// with the other.
func TestCatalogElsewhere(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	s := r.backup()
	r.verify(s, all)
	runs := r.ask(runsByName)
	r.config.Catalog = filepath.Join(t.TempDir(), "own.ql")
	r.answers(runsByName, runs...)
	again := r.backup()
	runs = append(runs, "backup source "+again.Stamp+" ok ")
	r.answers(runsByName, runs...)
	r.config.Catalog = settings(r.root).Catalog
	r.answers(runsByName, runs...)
	if !slices.Equal(r.ask(verified), []string{"1 1 1 1 7 0 0"}) {
		t.Errorf("verifications are %q", r.ask(verified))
	}
}
