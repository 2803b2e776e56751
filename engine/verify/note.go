package verify

import (
	"context"
	"errors"
	"slices"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/catalog/journal"
	"phlb/engine/manifest"
	"phlb/engine/repository"
)

// settle notes in the catalog what was found and, if asked to, repairs it.
func (v *verification) settle(ctx context.Context, cat *catalog.Catalog) error {
	var healed []manifest.Digest
	if v.Heal {
		again, err := v.noteFound(ctx, cat)
		if err == nil {
			defer again.Close()
			cat = again
			healed, err = v.heal(ctx, cat)
		} else {
			v.report.Add(".", repository.Unhealed, "nothing is healed before it is noted what is damaged: %v", err)
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
	changed, err := v.note(ctx, cat, healed)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	news := changed || err != nil
	switch {
	case err != nil:
	case !news && cat.Away() != nil:
		err = cat.Away()
	default:
		err = v.Publish(ctx, v.root, cat, func(again *catalog.Catalog) error {
			_, err := v.note(ctx, again, healed)
			return err
		})
	}
	var late *repository.LateError
	if err != nil && news && !errors.As(err, &late) {
		if noted := v.writeDown(ctx, healed); noted == nil {
			err = &repository.LateError{Err: err}
		}
	}
	switch { // the report must not be lost for it
	case err != nil && news && !errors.As(err, &late):
		v.report.Add(".", repository.Catalog, "what was found could not be noted, and the next backup may link to it: %v; verify again where the root can be written to", err)
	case err != nil && !v.Env.ForeignRoot: // where nothing is meant to be written
		v.Log.Warn("that this snapshot was verified could not be noted", "snapshot", v.report.Snapshot.Ref(), "error", err)
	case v.Heal && v.stale:
		v.report.Add(".", repository.Healed, "the catalog has been made anew from the manifest")
	}
	return nil
}

// writeDown has the journal tell of what was found, where no catalog can.
func (v *verification) writeDown(ctx context.Context, healed []manifest.Digest) error {
	s := v.report.Snapshot
	lines := journal.DamageLines(journal.PlaceOf(&s.Snapshot), v.hidden(0, healed))
	if lines == "" {
		return nil
	}
	lock, err := v.root.LockSeal(ctx, v.Owner())
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return v.root.AppendJournal(journal.Head, lines)
}

// noteAll notes what was found by a verification that has failed since, or was told
// to stop.
func (v *verification) noteAll(ctx context.Context, cat *catalog.Catalog) error {
	if ctx.Err() != nil {
		const patience = time.Second
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		ctx = soon
	}
	again, err := v.noteFound(ctx, cat)
	if err != nil {
		return v.writeDown(ctx, nil)
	}
	return again.Close()
}

// noteFound publishes what was found before any of it is healed, and returns the
// catalog that holds it. A heal that is killed half-way must leave the damage
// known: the verified paths may be mended by then, and others of a rotten inode
// not.
func (v *verification) noteFound(ctx context.Context, cat *catalog.Catalog) (*catalog.Catalog, error) {
	known, err := cat.Damaged(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(v.damaged, func(d damaged) bool { return d.hidden() && known[d.entry.Digest] == nil }) {
		return cat, nil
	}
	record := func(cat *catalog.Catalog) error {
		id, err := repository.NumberOf(ctx, cat, v.report.Snapshot.Ref())
		if err != nil {
			return err
		}
		return cat.RecordDamage(v.hidden(id, nil)...)
	}
	if err := record(cat); err != nil {
		return nil, err
	}
	var late *repository.LateError
	if err := v.Publish(ctx, v.root, cat, record); err != nil && !errors.As(err, &late) {
		return nil, err
	}
	return v.OpenCatalog(ctx, v.root)
}

// hidden returns the damage that the catalog is told of: what is not healed, and
// would not be seen by a look.
func (v *verification) hidden(id catalog.ID, healed []manifest.Digest) (found []catalog.Damage) {
	for _, d := range v.damaged {
		if d.hidden() && !slices.Contains(healed, d.entry.Digest) {
			found = append(found, catalog.Damage{
				Digest: d.entry.Digest, Snapshot: id, Path: d.entry.Path, Found: v.Env.Now(), What: d.what,
			})
		}
	}
	return found
}

// note tells the catalog what was found, and reports whether that is news.
func (v *verification) note(ctx context.Context, cat *catalog.Catalog, healed []manifest.Digest) (changed bool, err error) {
	id, err := repository.NumberOf(ctx, cat, v.report.Snapshot.Ref())
	if err != nil {
		return false, err
	}
	if id == 0 { // removed meanwhile, or never there for its manifest is broken
		return false, v.remember(ctx, cat)
	}
	found := v.hidden(id, healed)
	if err := cat.RecordDamage(found...); err != nil {
		return false, err
	}
	if err := cat.ClearDamage(healed...); err != nil {
		return false, err
	}
	if v.Heal && v.stale { // the manifest is the truth
		if err := cat.Remove(ctx, id); err != nil {
			return false, err
		}
		if _, err := v.CatchUp(ctx, v.root, cat); err != nil {
			return false, err
		}
		changed = true
	}
	return changed || len(found) > 0 || len(healed) > 0, v.remember(ctx, cat)
}

// remember adds the verification to the history.
func (v *verification) remember(ctx context.Context, cat *catalog.Catalog) error {
	id, err := repository.NumberOf(ctx, cat, v.report.Snapshot.Ref()) // another one, if it was made anew
	if err != nil {
		return err
	}
	outcome := catalog.OK
	if !v.report.OK() {
		outcome = catalog.Rotten
	}
	r := v.Ended(v.history, outcome)
	r.Snapshot = id
	cat.NoteRun(r)
	if id == 0 {
		return nil
	}
	done := catalog.Verification{
		Snapshot: id, Started: r.Started, Finished: r.Finished, Sample: v.Sample,
		Files: v.report.Files, Read: v.report.Read, Bytes: v.report.Bytes,
	}
	if v.Fast {
		done.Sample = 0
	}
	done.Problems, done.Healed, _ = v.report.Counts()
	cat.NoteVerification(done)
	return nil
}

// hidden reports whether a later run could link to the damaged file if nobody
// told it: of one that is missing or was touched, a look tells. An empty file
// has no content that could rot.
func (d *damaged) hidden() bool {
	return d.entry.Kind == manifest.File && d.entry.Size > 0 && d.what != repository.Missing && d.what != repository.Mtime
}

// name tells whoever listens what is done with a path.
func (v *verification) name(what, path string) {
	if v.naming {
		v.Log.Debug(what, "path", path)
	}
}
