package catalog

import (
	"context"
	"fmt"
	"strings"
	"time"

	"phlb/engine/catalog/qlfile"

	"phlb/engine/manifest"
)

var (
	selectDamage = qlfile.Compile(`SELECT digest, snapshot, path, found, what FROM damage;`)
	insertDamage = qlfile.Compile(`INSERT INTO damage VALUES ($1, $2, $3, $4, $5);`)
	deleteOne    = qlfile.Compile(`DELETE FROM damage WHERE snapshot == $1 && path == $2 && (snapshot != 0 || digest == $3);`)
	deleteDigest = qlfile.Compile(`DELETE FROM damage WHERE digest == $1;`)
)

// Damage is a file in a snapshot that does not have the content it should have.
// It stays known when its snapshot is removed, for others may share the inode,
// and until its digest is cleared.
type Damage struct {
	Digest   manifest.Digest // that it should have
	Snapshot ID
	Path     string
	Found    time.Time
	What     string
}

// Damaged returns what is known to be rotten.
func (c *Catalog) Damaged(ctx context.Context) (map[manifest.Digest][]Damage, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	found := map[manifest.Digest][]Damage{}
	err := c.db.Select(ctx, selectDamage, nil, func(row []any) (bool, error) {
		d, err := readDamage(row)
		found[d.Digest] = append(found[d.Digest], d)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read damage: %w", err)
	}
	return found, nil
}

func readDamage(row []any) (d Damage, err error) {
	digest, ok := row[0].([]byte)
	if copy(d.Digest[:], digest); !ok || len(digest) != len(d.Digest) {
		return d, ErrDamaged
	}
	id, _ := row[1].(int64)
	d.Snapshot = ID(id)
	d.Path, _ = row[2].(string)
	d.Found, _ = row[3].(time.Time)
	d.What, _ = row[4].(string)
	return d, nil
}

// insertIntoDamage inserts one in the place of what was noted of the same path.
// Of snapshots that are gone, nobody knows which are the same.
func insertIntoDamage(tx *qlfile.Tx, d *Damage) error {
	if err := tx.Exec(deleteOne, int64(d.Snapshot), d.Path, d.Digest[:]); err != nil {
		return err
	}
	return tx.Exec(insertDamage, d.Digest[:], int64(d.Snapshot), d.Path, d.Found.UTC(), d.What)
}

// DamageLines returns what the journal is to hold of damage in a snapshot. It is for
// whoever cannot tell a catalog, and [Catalog.Keep] for everybody else.
func DamageLines(name, stamp string, found []Damage) string {
	var lines strings.Builder
	for i := range found {
		lines.WriteString(found[i].line(snapshotPlace{name, stamp}).text() + "\n")
	}
	return lines.String()
}

// RecordDamage notes what was found, in the place of what was noted of the same
// paths before.
func (c *Catalog) RecordDamage(found ...Damage) error {
	if len(found) == 0 {
		return nil
	}
	err := c.recordDamage(found)
	if err != nil {
		return fmt.Errorf("record damage: %w", err)
	}
	return nil
}

func (c *Catalog) recordDamage(found []Damage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, err := c.db.findSnapshots(context.Background())
	if err != nil {
		return err
	}
	err = c.db.Update(func(tx *qlfile.Tx) error {
		for i := range found {
			if err := insertIntoDamage(tx, &found[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	places := placesByNumber(all)
	for i := range found {
		c.found = append(c.found, found[i].line(places[found[i].Snapshot]).text())
	}
	return nil
}

// ClearDamage forgets all that was noted of these contents.
func (c *Catalog) ClearDamage(healed ...manifest.Digest) error {
	if len(healed) == 0 {
		return nil
	}
	err := c.update(func(tx *qlfile.Tx) error {
		for _, d := range healed {
			if err := tx.Exec(deleteDigest, d[:]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("clear damage: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range healed {
		c.found = append(c.found, line{Healed: d.String()}.text())
	}
	return nil
}
