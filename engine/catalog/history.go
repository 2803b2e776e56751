package catalog

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"phlb/engine/catalog/journal"
	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// Keep has write add to the journal what only the catalog knows. If that fails,
// the catalog goes on to keep it, and so does the published one. Call
// [Catalog.AbsorbJournal] then, before the catalog is published.
func (c *Catalog) Keep(ctx context.Context, write func(lines string) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	unwritten, err := rows.Unwritten(ctx, c.file)
	if err != nil {
		return err
	}
	lines, err := c.noted(ctx)
	if err != nil {
		return err
	}
	if lines = append(unwritten, lines...); len(lines) == 0 {
		return nil
	}
	if err := write(strings.Join(lines, "\n") + "\n"); err != nil {
		return err
	}
	c.runs, c.verified, c.found = nil, nil, nil
	if len(unwritten) == 0 {
		return nil
	}
	return c.file.Update(func(tx *qlfile.Tx) error {
		if err := rows.ClearUnwritten(tx); err != nil {
			return err
		}
		return rows.SetJournalRead(tx, 0, 0) // those rows are there already
	})
}

// noted returns the lines of what was noted since the catalog was opened, but for
// runs that it has: after a failure, somebody may note them again.
func (c *Catalog) noted(ctx context.Context) ([]string, error) {
	lines := slices.Clone(c.found)
	if len(c.runs) > 0 {
		all, err := rows.Runs(ctx, c.file)
		if err != nil {
			return nil, err
		}
		known := map[string]bool{}
		for i := range all {
			known[journal.OfRun(&all[i]).String()] = true
		}
		c.runs = slices.DeleteFunc(c.runs, func(r Run) bool { return known[journal.OfRun(&r).String()] })
	}
	for i := range c.runs {
		lines = append(lines, journal.OfRun(&c.runs[i]).String())
	}
	if len(c.verified) == 0 {
		return lines, nil
	}
	all, err := rows.Snapshots(ctx, c.file)
	if err != nil {
		return nil, err
	}
	places := placesByNumber(all)
	for i := range c.verified {
		if of, ok := places[c.verified[i].Snapshot]; ok {
			lines = append(lines, journal.OfVerification(&c.verified[i], of).String())
		}
	}
	return lines, nil
}

func placesByNumber(all []Snapshot) map[ID]journal.Place {
	places := make(map[ID]journal.Place, len(all))
	for i := range all {
		places[all[i].ID] = journal.PlaceOf(&all[i])
	}
	return places
}

// AbsorbJournal takes from the journal, of size bytes, what the catalog does not
// know. It returns at which bytes lines begin that cannot be read, and are left
// out. A journal that is gone or another one loses nothing: what the catalog has
// is kept for the next [Catalog.Keep].
func (c *Catalog) AbsorbJournal(ctx context.Context, from io.ReaderAt, size int64) (bad []int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, sum, err := rows.JournalRead(c.file)
	if err != nil {
		return nil, err
	}
	if at > 0 {
		now := int64(0)
		if at <= size {
			if now, err = journal.SumBefore(from, at); err != nil {
				return nil, err
			}
		}
		if at > size || now != sum {
			if err := keepHistory(ctx, c.file); err != nil {
				return nil, err
			}
			at = 0
			if size == 0 {
				return nil, c.file.Update(func(tx *qlfile.Tx) error { return rows.SetJournalRead(tx, 0, 0) })
			}
		}
	}
	// A snapshot that has come since may be of lines that were read before.
	if c.cameLate {
		at = 0
	}
	if at == size || size == 0 {
		return nil, nil
	}
	lines, bad, end, err := journal.Read(ctx, from, at, size)
	if err != nil || end == at {
		return bad, err
	}
	if sum, err = journal.SumBefore(from, end); err != nil {
		return bad, err
	}
	a := absorption{numbers: map[journal.Place]ID{}}
	for of, id := range c.gone {
		a.numbers[of] = id
	}
	all, err := rows.Snapshots(ctx, c.file)
	if err != nil {
		return bad, err
	}
	for id, of := range placesByNumber(all) {
		a.numbers[of] = id
	}
	if at == 0 {
		unwritten, err := rows.Unwritten(ctx, c.file)
		if err != nil {
			return bad, err
		}
		lines = append(append(lines, unwritten...), c.found...)
	}
	err = c.file.Update(func(tx *qlfile.Tx) error {
		if at == 0 {
			if err := rows.ClearHistory(tx); err != nil {
				return err
			}
			a.seen = map[string]bool{}
		}
		for _, l := range lines {
			if err := a.apply(tx, l); err != nil {
				return err
			}
		}
		return rows.SetJournalRead(tx, end, sum)
	})
	c.cameLate = c.cameLate && err != nil
	return bad, err
}

// An absorption writes lines to the tables.
type absorption struct {
	numbers map[journal.Place]ID
	seen    map[string]bool // lines; nil where none can come twice
}

func (a *absorption) number(name, stamp journal.Text) ID {
	return a.numbers[journal.Place{Name: string(name), Stamp: string(stamp)}]
}

func (a *absorption) apply(tx *qlfile.Tx, text string) error {
	l, err := journal.Parse(text)
	if err != nil {
		return nil // it was left out before
	}
	// What was healed may be damaged once more, and the same way.
	if a.seen != nil && (l.Run != nil || l.Verified != nil) {
		if a.seen[text] {
			return nil
		}
		a.seen[text] = true
	}
	if r := l.Run; r != nil {
		return rows.AddRun(tx, &Run{
			Verb: r.Verb, Name: string(r.Name), Stamp: string(r.Stamp), Snapshot: a.number(r.Name, r.Stamp), Host: string(r.Host),
			Started: r.Started, Finished: r.Finished, Outcome: r.Outcome, Error: string(r.Error),
		})
	}
	if v := l.Verified; v != nil {
		id := a.number(v.Name, v.Stamp)
		if id == 0 {
			return nil // it is forgotten with its snapshot
		}
		return rows.AddVerification(tx, &Verification{
			Snapshot: id, Started: v.Started, Finished: v.Finished, Sample: v.Sample, Files: v.Files, Read: v.Read, Bytes: v.Bytes,
			Problems: v.Problems, Healed: v.Healed,
		})
	}
	if d := l.Damaged; d != nil {
		digest, err := manifest.ParseDigest(d.Digest)
		if err != nil {
			return err
		}
		return rows.AddDamage(tx, &Damage{
			Digest: digest, Snapshot: a.number(d.Name, d.Stamp), Path: string(d.Path), Found: d.Found, What: string(d.What),
		})
	}
	digest, err := manifest.ParseDigest(l.Healed)
	if err != nil {
		return err
	}
	return rows.ClearDamage(tx, digest)
}

// A history is what is in no manifest, as the tables have it.
type history struct {
	runs     []Run
	verified []Verification
	damaged  []Damage
}

func readHistory(ctx context.Context, file *qlfile.File) (h history, err error) {
	if h.runs, err = rows.Runs(ctx, file); err == nil {
		h.verified, err = rows.Verifications(ctx, file)
	}
	if err == nil {
		h.damaged, err = rows.Damaged(ctx, file)
	}
	if err != nil {
		err = fmt.Errorf("read history: %w", err)
	}
	return h, err
}

// add writes it to the tables.
func (h *history) add(tx *qlfile.Tx) error {
	for i := range h.runs {
		if err := rows.AddRun(tx, &h.runs[i]); err != nil {
			return err
		}
	}
	for i := range h.verified {
		if err := rows.AddVerification(tx, &h.verified[i]); err != nil {
			return err
		}
	}
	for i := range h.damaged {
		if err := rows.AddDamage(tx, &h.damaged[i]); err != nil {
			return err
		}
	}
	return nil
}

// keepHistory has the journal be given all that the tables hold.
func keepHistory(ctx context.Context, file *qlfile.File) error {
	all, err := rows.Snapshots(ctx, file)
	if err != nil {
		return err
	}
	h, err := readHistory(ctx, file)
	if err != nil {
		return err
	}
	places := placesByNumber(all)
	var lines []string
	for i := range h.runs {
		lines = append(lines, journal.OfRun(&h.runs[i]).String())
	}
	for i := range h.verified {
		lines = append(lines, journal.OfVerification(&h.verified[i], places[h.verified[i].Snapshot]).String())
	}
	for i := range h.damaged {
		lines = append(lines, journal.OfDamage(&h.damaged[i], places[h.damaged[i].Snapshot]).String())
	}
	return file.Update(func(tx *qlfile.Tx) error {
		if err := rows.ClearUnwritten(tx); err != nil { // the tables have it too
			return err
		}
		return rows.AddUnwritten(tx, lines)
	})
}
