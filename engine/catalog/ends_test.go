package catalog

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"

	"phlb/engine/manifest"
)

// change returns a tree in which the wanted files of another one are others.
func change(t tree, wanted func(path string) bool) tree {
	changed := maps.Clone(t)
	for path, e := range t {
		if wanted(path) {
			changed[path] = file(path, int(e.Size)+100_000)
		}
	}
	return changed
}

func all(string) bool { return true }

// ofAllLengths returns a tree whose rows fill what room there is for them to
// all degrees.
func ofAllLengths() tree {
	t := tree{}
	for n := 1; n < 5000; n += 1 + n/400*9 {
		path := strings.Repeat("x", n)
		t[path] = file(path, n)
	}
	return t
}

// skipNumbers makes the next snapshot have that number.
func skipNumbers(t *testing.T, c *Catalog, next ID) {
	t.Helper()
	if err := c.update(func(tx *qlfile.Tx) error { return rows.SetNext(tx, next) }); err != nil {
		t.Fatal(err)
	}
}

func mustRecord(t *testing.T, c *Catalog, base ID, s Snapshot, before, after tree) ID {
	t.Helper()
	id, err := record(t.Context(), c, base, s, before, after)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func mustExec(t *testing.T, c *Catalog, statement string) {
	t.Helper()
	if err := c.update(func(tx *qlfile.Tx) error { return tx.Exec(qlfile.Compile(statement)) }); err != nil {
		t.Fatal(err)
	}
}

// checkScan holds what is read from the blocks against what QL reads, and the
// records in the file against these rows. It returns how many lie elsewhere than
// where they were made.
func checkScan(t *testing.T, c *Catalog) (moved int64) {
	t.Helper()
	if err := c.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	space, err := c.file.Verify()
	if err != nil {
		t.Fatal("the catalog's file is broken:", err)
	}
	byQL := scannedByQL(t, c)
	versions := int64(len(byQL))
	err = rows.ScanVersions(t.Context(), c.file, rows.Filter{}, func(v *rows.Version, at rows.Position) (bool, error) {
		if len(byQL) == 0 || !reflect.DeepEqual(byQL[0], append(v.AppendRow(nil), at.ID)) {
			return false, fmt.Errorf("scanned %.100q, which is not what QL says", v.Path)
		}
		byQL = byQL[1:]
		return true, nil
	})
	if err != nil || len(byQL) > 0 {
		t.Fatal(err, len(byQL))
	}
	// The others are tables, and the row of the schema.
	moved = space.Moved["versions"]
	if left := space.Records - versions - moved - space.Moved["schema"] - count(t, c, "SELECT count() FROM snapshots"); left != 18 {
		t.Errorf("%d records are of nothing that is known", left-18)
	}
	return moved
}

func TestEnds(t *testing.T) {
	t.Run("Moved", func(t *testing.T) {
		for _, last := range []ID{2, 9000, 1 << 40} {
			c := newCatalog(t)
			before := ofAllLengths()
			mustAbsorb(t, c, snapshot("a", 1), before)
			skipNumbers(t, c, last)
			mustAbsorb(t, c, snapshot("a", 2), before)
			c = reopen(t, c)
			c.batchRows = 100
			if moved := checkScan(t, c); moved != 0 {
				t.Fatalf("%d rows have moved already", moved)
			}
			after := change(before, all)
			mustRecord(t, c, last, snapshot("a", 3), before, after)
			check := func(id ID, want tree) {
				t.Helper()
				checkTree(t, c, id, want)
				c = reopen(t, c)
				checkTree(t, c, id, want)
			}
			moved := checkScan(t, c)
			if moved == 0 || moved > int64(len(before))/4 {
				t.Errorf("%d of %d rows moved", moved, len(before))
			}
			check(1, before)
			check(last, before)
			check(last+1, after)
			// QL goes on with what it did not move itself.
			mustExec(t, c, "UPDATE versions SET until = 0 WHERE since == 1;")
			if moved := checkScan(t, c); moved != 0 {
				t.Errorf("%d rows did not come back", moved)
			}
			mustExec(t, c, fmt.Sprintf("UPDATE versions SET until = %d WHERE since == 1;", last))
			if again := checkScan(t, c); again != moved {
				t.Errorf("QL moves %d rows, and we %d", again, moved)
			}
			mustExec(t, c, "DELETE FROM versions WHERE since == 1 && size % 3 == 0;")
			checkScan(t, c)
			mustExec(t, c, fmt.Sprintf("UPDATE versions SET target = %q;", strings.Repeat("long", 70)))
			if again := checkScan(t, c); again <= moved {
				t.Errorf("%d rows have moved, and with less room %d", moved, again)
			}
			// And we with what QL has moved.
			if err := c.Remove(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			checkScan(t, c)
			mustExec(t, c, "DELETE FROM versions;")
			if moved := checkScan(t, c); moved != 0 {
				t.Errorf("%d rows are left", moved)
			}
		}
	})
	t.Run("MovedTwice", func(t *testing.T) {
		c := newCatalog(t)
		what := ofAllLengths()
		mustAbsorb(t, c, snapshot("a", 1), what)
		var endings []qlfile.End
		err := rows.ScanVersions(t.Context(), c.file, rows.Filter{}, func(_ *rows.Version, at rows.Position) (bool, error) {
			endings = append(endings, qlfile.End{Handle: at.Handle})
			return true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		c.batchRows = 70
		most := int64(0)
		for _, until := range []ID{1, 100, 1 << 20, 1 << 50, 0, 1 << 62, 7, 0} {
			for i := range endings {
				endings[i].Value = int64(until)
			}
			if err := c.end(endings); err != nil {
				t.Fatal(err)
			}
			moved := checkScan(t, c)
			if moved < most {
				t.Errorf("%d rows have moved, there were %d", moved, most)
			}
			most = moved
			if n := count(t, c, fmt.Sprintf("SELECT count() FROM versions WHERE until == %d", until)); n != int64(len(what)) {
				t.Errorf("%d of %d rows end with %d", n, len(what), until)
			}
		}
		checkTree(t, c, 1, what)
	})
	t.Run("Names", func(t *testing.T) {
		c := newCatalog(t)
		what := files(300, 1)
		mustAbsorb(t, c, snapshot("a", 1), what)
		mustAbsorb(t, c, snapshot("b", 2), what)
		mustAbsorb(t, c, snapshot("a", 3), what)
		mustAbsorb(t, c, snapshot("b", 4), what)
		left := change(what, func(path string) bool { return strings.HasPrefix(path, "folder 3/") })
		mustRecord(t, c, 3, snapshot("a", 5), what, left)
		right := change(what, func(path string) bool { return strings.HasSuffix(path, "7") })
		mustRecord(t, c, 4, snapshot("b", 6), what, right)
		mustRecord(t, c, 5, snapshot("a", 7), left, tree{})
		c = reopen(t, c)
		for id, want := range map[ID]tree{1: what, 2: what, 3: what, 4: what, 5: left, 6: right, 7: {}} {
			checkTree(t, c, id, want)
		}
		checkScan(t, c)
	})
	t.Run("Again", func(t *testing.T) {
		c := newCatalog(t)
		with := files(50, 1)
		without := maps.Clone(with)
		maps.DeleteFunc(without, func(path string, _ manifest.Entry) bool { return strings.HasSuffix(path, "3") })
		var want []tree
		before, id := tree(nil), ID(0)
		for n := range 9 {
			now := with
			if n%3 == 1 {
				now = without
			}
			id = mustRecord(t, c, id, snapshot("a", n), before, now)
			want = append(want, now)
			if before = now; n%4 == 3 {
				c = reopen(t, c)
			}
		}
		for i, want := range want {
			checkTree(t, c, ID(i+1), want)
		}
		if n := count(t, c, "SELECT count() FROM versions"); n != 50+3*5 {
			t.Errorf("%d rows", n)
		}
	})
	t.Run("Absorbed", func(t *testing.T) {
		// What many snapshots have left to be written, in rows of all lengths.
		c := newCatalog(t)
		what := ofAllLengths()
		want := []tree{what}
		mustAbsorb(t, c, snapshot("a", 0), what)
		for n := range 7 {
			number := ID(1)<<(8*n) + 1
			skipNumbers(t, c, number)
			what = change(what, func(path string) bool { return len(path)%7 == n })
			want = append(want, what)
			if id := mustAbsorb(t, c, snapshot("a", n+1), what); id != number {
				t.Fatal(id)
			}
		}
		file := c.file
		if moved := checkScan(t, c); moved == 0 {
			t.Error("no row has moved")
		}
		if c.file != file {
			t.Error("it was rewritten")
		}
		all, err := c.Snapshots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range all {
			checkTree(t, c, s.ID, want[len(want)-1-i])
		}
	})
	t.Run("LeftOver", func(t *testing.T) {
		// There was a table of what ends, and a run that was cut off left it.
		c := newCatalog(t)
		what := files(50, 1)
		mustAbsorb(t, c, snapshot("a", 1), what)
		mustExec(t, c, "CREATE TABLE ended (part int64, path string, row int64); INSERT INTO ended VALUES (0, `x`, NULL);")
		c = reopen(t, c)
		now := files(50, 2)
		mustRecord(t, c, 1, snapshot("a", 2), what, now)
		mustAbsorb(t, c, snapshot("a", 3), what)
		c = reopen(t, c)
		if err := c.Remove(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		c = reopen(t, c)
		checkTree(t, c, 2, now)
		checkTree(t, c, 3, what)
	})
}

// TestErrBase ends what is not there, or not once, after some batches were
// written. Nothing of it may be left.
func TestErrBase(t *testing.T) {
	what := files(40, 1)
	end := func(t *testing.T, rec *Recorder, paths ...string) {
		t.Helper()
		for _, path := range paths {
			if err := rec.End(&manifest.Entry{Path: path}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, wrong := range map[string]func(t *testing.T, rec *Recorder){
		"Nowhere": func(t *testing.T, rec *Recorder) { end(t, rec, "nowhere") },
		"Twice":   func(t *testing.T, rec *Recorder) { end(t, rec, "folder 2/file 00002", "folder 2/file 00002") },
		"TwiceAndOneForIt": func(t *testing.T, rec *Recorder) {
			end(t, rec, "folder 2/file 00002", "folder 2/file 00002")
			rec.changes.ended.hashes.Put(maphash.String(rec.changes.ended.seed, "folder 3/file 00003"), 1)
		},
		"OtherName": func(t *testing.T, rec *Recorder) { end(t, rec, "only b") },
		"Ended":     func(t *testing.T, rec *Recorder) { end(t, rec, "ended") },
		"Begun": func(t *testing.T, rec *Recorder) {
			e := file("new", 1)
			if err := rec.Add(&e); err != nil {
				t.Fatal(err)
			}
			end(t, rec, "new")
		},
		"EqualHash": func(t *testing.T, rec *Recorder) {
			// A path that is not there has the hash of one that is.
			end(t, rec, "nowhere")
			rec.changes.ended.hashes.Put(maphash.String(rec.changes.ended.seed, "folder 2/file 00002"), 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCatalog(t)
			with := maps.Clone(what)
			with["ended"] = file("ended", 1)
			mustAbsorb(t, c, snapshot("a", 1), with)
			mustAbsorb(t, c, snapshot("b", 2), tree{"only b": file("only b", 1)})
			mustAbsorb(t, c, snapshot("a", 3), what)
			c = reopen(t, c)
			rows := count(t, c, "SELECT count() FROM versions WHERE until == 0")
			c.batchRows = 3
			rec, err := c.Begin(t.Context(), "a", 3)
			if err != nil {
				t.Fatal(err)
			}
			for n := range 20 {
				e := file(fmt.Sprint("begun ", n), n)
				if err := rec.Add(&e); err != nil {
					t.Fatal(err)
				}
			}
			end(t, rec, "folder 0/file 00000", "folder 1/file 00001")
			wrong(t, rec)
			_, err = rec.Commit(t.Context(), snapshot("a", 4))
			checkError(t, err, ErrBase)
			if n := count(t, c, "SELECT count() FROM versions WHERE until == 0"); n != rows {
				t.Errorf("%d rows are open, want %d", n, rows)
			}
			checkScan(t, c)
			now := change(what, all)
			mustRecord(t, c, 3, snapshot("a", 4), what, now)
			for id, want := range map[ID]tree{1: with, 3: what, 4: now} {
				checkTree(t, c, id, want)
			}
		})
	}
}

// TestEndsUndone gives up after some batches were written.
func TestEndsUndone(t *testing.T) {
	what := files(40, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, giveUp := range map[string]func(t *testing.T, rec *Recorder){
		"Abort": func(t *testing.T, rec *Recorder) {
			if err := rec.Abort(); err != nil {
				t.Fatal(err)
			}
		},
		"Cancelled": func(t *testing.T, rec *Recorder) {
			_, err := rec.Commit(ctx, snapshot("a", 2))
			checkError(t, err, context.Canceled)
		},
		"ErrKnown": func(t *testing.T, rec *Recorder) {
			_, err := rec.Commit(t.Context(), snapshot("a", 1))
			checkError(t, err, ErrKnown)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCatalog(t)
			mustAbsorb(t, c, snapshot("a", 1), what)
			c = reopen(t, c)
			c.batchRows = 3
			rec, err := c.Begin(t.Context(), "a", 1)
			if err != nil {
				t.Fatal(err)
			}
			for path, e := range what {
				now := file(path, 7)
				if err := rec.End(&e); err != nil {
					t.Fatal(err)
				}
				if err := rec.Add(&now); err != nil {
					t.Fatal(err)
				}
			}
			giveUp(t, rec)
			if n := count(t, c, "SELECT count() FROM versions WHERE until == 0"); n != int64(len(what)) {
				t.Errorf("%d rows are open, want %d", n, len(what))
			}
			now := change(what, all)
			mustRecord(t, c, 1, snapshot("a", 2), what, now)
			checkTree(t, c, 1, what)
			checkTree(t, c, 2, now)
			checkScan(t, c)
		})
	}
}

// TestEndsFail lets nothing be written any more, from different moments on. What
// was published stays, and of the rest nothing is published or read.
func TestEndsFail(t *testing.T) {
	what, now := files(200, 1), files(200, 2)
	for _, name := range []string{"Commit", "Half"} {
		t.Run(name, func(t *testing.T) {
			c := newCatalog(t)
			mustAbsorb(t, c, snapshot("a", 1), what)
			c = reopen(t, c)
			c.batchRows = 3
			var err error
			if name == "Commit" {
				var rec *Recorder
				if rec, err = c.Begin(t.Context(), "a", 1); err != nil {
					t.Fatal(err)
				}
				for path, e := range what {
					if w := now[path]; !Same(&e, &w) {
						rec.End(&e)
						rec.Add(&w)
					}
				}
				if err := rec.changes.wait(); err != nil {
					t.Fatal(err)
				}
				writeNothing(t, c)
				_, err = rec.Commit(t.Context(), snapshot("a", 2))
			} else {
				var endings []qlfile.End
				err = rows.ScanVersions(t.Context(), c.file, rows.Filter{}, func(_ *rows.Version, at rows.Position) (bool, error) {
					endings = append(endings, qlfile.End{Handle: at.Handle, Value: 1})
					return true, nil
				})
				if err == nil {
					err = c.end(endings[:50])
				}
				if err != nil {
					t.Fatal(err)
				}
				writeNothing(t, c)
				err = c.end(endings[50:])
			}
			var failed *os.PathError
			if !errors.As(err, &failed) {
				t.Fatalf("error is %v", err)
			}
			if _, err := holds(c, 1); err == nil {
				t.Error("it is still read")
			}
			if _, err := c.Absorb(t.Context(), next("a", 3), what.entries(nil)); err == nil {
				t.Error("it is still written")
			}
			if err := c.Publish(); err == nil {
				t.Error("it was published")
			}
			c = mustOpen(t, c.path)
			checkTree(t, c, 1, what)
			mustRecord(t, c, 1, snapshot("a", 2), what, now)
			checkTree(t, c, 2, now)
		})
	}
}

// TestEndsAtOnce reads while snapshots are recorded.
func TestEndsAtOnce(t *testing.T) {
	c := newCatalog(t)
	c.batchRows = 40
	trees := []tree{files(400, 0)}
	mustAbsorb(t, c, snapshot("a", 1), trees[0])
	for n := 1; n < 8; n++ {
		trees = append(trees, change(trees[n-1], func(path string) bool { return strings.HasSuffix(path, fmt.Sprint(n)) }))
	}
	done := make(chan error)
	for range 2 {
		go func() {
			done <- func() error {
				for {
					all, err := c.Snapshots(context.Background())
					if err != nil {
						return err
					}
					// Of each that is there, what it ends has ended.
					rows, err := c.Query(context.Background(), "SELECT until, count() FROM versions WHERE until > 0 GROUP BY until")
					if err != nil {
						return err
					}
					ended := 0
					for row, err := range rows.All() {
						if err != nil {
							return err
						}
						if ended++; row[1] != int64(40) {
							return fmt.Errorf("%v rows end with snapshot %v", row[1], row[0])
						}
					}
					if ended < len(all)-1 {
						return fmt.Errorf("rows end with %d of %d snapshots", ended, len(all))
					}
					for id := 1; id <= len(all); id += 3 {
						got, err := holds(c, ID(id))
						if err == nil {
							err = sameTree(got, trees[id-1])
						}
						if err != nil {
							return err
						}
					}
					if len(all) == len(trees) {
						return nil
					}
				}
			}()
		}()
	}
	for n := 1; n < len(trees); n++ {
		if _, err := record(t.Context(), c, ID(n), snapshot("a", n+1), trees[n-1], trees[n]); err != nil {
			t.Error(err)
			c.Close() // or the readers would wait for more
			break
		}
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
