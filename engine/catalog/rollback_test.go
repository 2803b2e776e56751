package catalog

import (
	"errors"
	"fmt"
	"testing"

	"modernc.org/ql"
)

// TestRollback fails in the middle of a transaction: with statement atomicity
// off, all of it must be gone, from the file as well, and the catalog must be
// good to go on with.
func TestRollback(t *testing.T) {
	c := newCatalog(t)
	before := files(500, 1)
	first := mustAbsorb(t, c, snapshot("a", 1), before)
	c = reopen(t, c)
	check := func(c *Catalog) {
		t.Helper()
		checkTree(t, c, first, before)
		c.mu.RLock()
		defer c.mu.RUnlock()
		err := c.db.scan(t.Context(), ql.MustCompile("SELECT verb FROM runs;"), nil, func(row []any) (bool, error) {
			return false, fmt.Errorf("the run %v is there", row)
		})
		if err != nil {
			t.Error(err)
		}
	}
	insert := ql.MustCompile("INSERT INTO runs (verb, started) VALUES ($1, now());")
	why := errors.New("why")
	wrong := map[string]func(tx *ql.TCtx) error{
		"Error":     func(*ql.TCtx) error { return why },
		"Statement": func(tx *ql.TCtx) error { return c.db.exec(tx, ql.MustCompile("INSERT INTO nowhere VALUES (1);")) },
		"Half": func(tx *ql.TCtx) error { // of what one statement does, a part is done
			return c.db.exec(tx, ql.MustCompile("UPDATE runs SET snapshot = 1 / (len(verb) - 3);"))
		},
		"Panic": func(*ql.TCtx) error { panic(why) },
	}
	for _, name := range []string{"Error", "Statement", "Half", "Panic"} {
		err := c.update(func(tx *ql.TCtx) error {
			for _, verb := range []string{"backup", "add"} {
				for range 1000 {
					if err := c.db.exec(tx, insert, verb); err != nil {
						return err
					}
				}
			}
			if err := c.db.exec(tx, updateNext, int64(99)); err != nil {
				return err
			}
			return wrong[name](tx)
		})
		if err == nil || name == "Error" && !errors.Is(err, why) {
			t.Errorf("%s: error is %v", name, err)
		}
		if name == "Panic" {
			break // no state to go on from
		}
		check(c)
		c = reopen(t, c)
		check(c)
	}
	if err := c.Publish(); err == nil {
		t.Error("published after a panic")
	}
	c = mustOpen(t, c.path)
	check(c)
	if id := mustAbsorb(t, c, snapshot("a", 2), before); id != first+1 {
		t.Errorf("the next snapshot is number %d, want %d", id, first+1)
	}
}
