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

// finish heals what was found, if asked to, and tells the catalog of damage and of the
// verification.
func (v *verification) finish(ctx context.Context, cat *catalog.Catalog) error {
	if err := v.findTwins(ctx, cat); err != nil {
		return err
	}
	var healed []manifest.Digest
	if v.Heal {
		again, err := v.publishDamage(ctx, cat)
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
	changed, err := v.recordIn(ctx, cat, healed)
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
			_, err := v.recordIn(ctx, again, healed)
			return err
		})
	}
	var late *repository.LateError
	if err != nil && news && !errors.As(err, &late) {
		if noted := v.appendToRecord(ctx, healed); noted == nil {
			err = &repository.LateError{Err: err}
		}
	}
	switch { // an error here must not lose the report
	case err != nil && news && !errors.As(err, &late):
		v.report.Add(".", repository.Catalog, "what was found could not be noted, and the next backup may link to it: %v; verify again where the root can be written to", v.Legible(err))
	case err != nil && !v.Env.ForeignRoot: // where nothing is meant to be written
		v.Log.Warn("that this snapshot was verified could not be noted", "snapshot", v.report.Snapshot.Ref(), "error", v.Legible(err))
	case v.Heal && v.stale:
		v.report.Add(".", repository.Healed, "the catalog has been made anew from the manifest")
	}
	return nil
}

// appendToRecord writes damage to the record of the root, where the catalog cannot be
// told of it.
func (v *verification) appendToRecord(ctx context.Context, healed []manifest.Digest) error {
	s := v.report.Snapshot
	lines := journal.DamageLines(journal.PlaceOf(&s.Snapshot), v.damageToRecord(0, healed))
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

// recordAfterFailure records the damage that was found before the verification failed or
// was told to stop.
func (v *verification) recordAfterFailure(ctx context.Context, cat *catalog.Catalog) error {
	if ctx.Err() != nil {
		const patience = time.Second
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		ctx = soon
	}
	err := v.findTwins(ctx, cat)
	var again *catalog.Catalog
	if err == nil {
		again, err = v.publishDamage(ctx, cat)
	}
	if err != nil {
		return v.appendToRecord(ctx, nil)
	}
	return again.Close()
}

// publishDamage publishes the damage that was found before any of it is healed, and
// returns the catalog that holds it. If a heal is killed half-way, the damage must be
// known: the paths of this snapshot may be healed by then, and others that share a
// rotten inode not.
func (v *verification) publishDamage(ctx context.Context, cat *catalog.Catalog) (*catalog.Catalog, error) {
	known, err := cat.Damaged(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(v.damaged, func(d damaged) bool { return d.looksGood() && known[d.entry.Digest] == nil }) {
		return cat, nil
	}
	record := func(cat *catalog.Catalog) error {
		id, err := repository.NumberOf(ctx, cat, v.report.Snapshot.Ref())
		if err != nil {
			return err
		}
		return cat.RecordDamage(v.damageToRecord(id, nil)...)
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

// damageToRecord returns the damage that the catalog is told of: of files that look good
// and were not healed. Without the number of the snapshot, what is damaged in others is
// left out.
func (v *verification) damageToRecord(id catalog.ID, healed []manifest.Digest) (found []catalog.Damage) {
	for _, d := range v.damaged {
		if d.looksGood() && !slices.Contains(healed, d.entry.Digest) {
			found = append(found, catalog.Damage{
				Digest: d.entry.Digest, Snapshot: id, Path: d.entry.Path, Found: v.Env.Now(), What: d.what,
			})
		}
	}
	for _, twin := range v.twins {
		if id != 0 && !slices.Contains(healed, twin.Digest) {
			found = append(found, twin)
		}
	}
	return found
}

// recordIn tells the catalog of the damage, of what was healed and of the verification.
// It reports whether the catalog learned anything but the verification.
func (v *verification) recordIn(ctx context.Context, cat *catalog.Catalog, healed []manifest.Digest) (changed bool, err error) {
	id, err := repository.NumberOf(ctx, cat, v.report.Snapshot.Ref())
	if err != nil {
		return false, err
	}
	if id == 0 { // the snapshot was removed meanwhile, or left out since its manifest is broken
		return false, v.noteRun(ctx, cat)
	}
	found := v.damageToRecord(id, healed)
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
	return changed || len(found) > 0 || len(healed) > 0, v.noteRun(ctx, cat)
}

// noteRun tells the catalog of the verification.
func (v *verification) noteRun(ctx context.Context, cat *catalog.Catalog) error {
	id, err := repository.NumberOf(ctx, cat, v.report.Snapshot.Ref()) // another number, if the catalog was made anew
	if err != nil {
		return err
	}
	outcome := catalog.OK
	if !v.report.OK() {
		outcome = catalog.Rotten
	}
	r := v.Ended(v.record, outcome)
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

// looksGood reports whether a look cannot tell that the file is damaged, so that a later
// run could link to it. A look tells of a file that is missing or has another time. An
// empty file has no content that could rot.
func (d *damaged) looksGood() bool {
	return d.entry.Kind == manifest.File && d.entry.Size > 0 && d.what != repository.Missing && d.what != repository.Mtime
}

// logPath logs what is done with a path, if paths are logged.
func (v *verification) logPath(what, path string) {
	if v.logsPaths {
		v.Log.Debug(what, "path", path)
	}
}
