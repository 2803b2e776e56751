// Package records shows what a root has recorded, for pages: its snapshots, runs,
// verifications and damage, each with the address of the snapshot that it is of.
package records

import (
	"html/template"
	"slices"
	"time"

	"phlb/cmd/phlb/serve/address"
	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/engine/store"
)

// Run is one time that something was done to the root.
type Run struct {
	Verb       string       `json:"verb"`
	Name       string       `json:"name"`
	Stamp      string       `json:"stamp"`
	Host       string       `json:"host"`
	Started    time.Time    `json:"started"`
	Finished   time.Time    `json:"finished"`
	Outcome    string       `json:"outcome"`
	Error      string       `json:"error"`
	Address    template.URL `json:"address,omitempty"` // of the snapshot, where there is one
	BackupName string       `json:"-"`                 // the bytes of Name
}

// Took returns how long the run took.
func (r *Run) Took() time.Duration { return r.Finished.Sub(r.Started).Round(100 * time.Millisecond) }

// Good reports whether the run ended well.
func (r *Run) Good() bool { return r.Outcome == "ok" }

// Verification is one check of a snapshot.
type Verification struct {
	Snapshot int64        `json:"snapshot"`
	Finished time.Time    `json:"finished"`
	Sample   float64      `json:"sample"`
	Files    int64        `json:"files"`
	Read     int64        `json:"read"`
	Problems int64        `json:"problems"`
	Healed   int64        `json:"healed"`
	Ref      string       `json:"ref"`     // NAME/STAMP
	Address  template.URL `json:"address"` // of the snapshot
}

// Percent is the share of the content that was read back.
func (v *Verification) Percent() int { return int(v.Sample*100 + 0.5) }

// Damage is a file that is not what was stored.
type Damage struct {
	Snapshot int64        `json:"snapshot"`
	Ref      string       `json:"ref"` // NAME/STAMP, "" where the snapshot is gone
	Path     string       `json:"path"`
	Found    time.Time    `json:"found"`
	What     string       `json:"what"`
	Digest   string       `json:"digest"`
	Address  template.URL `json:"address,omitempty"`
}

// Records are the snapshots of a root and what was recorded of them.
type Records struct {
	Snapshots     []*engine.Snapshot // the newest first
	byID          map[int64]*engine.Snapshot
	Runs          []*Run          // the newest first
	Verifications []*Verification // the newest first
	Damage        []*Damage       // the newest first
}

// Of returns the records that the engine has found.
func Of(found *engine.Records) *Records {
	all := &Records{Snapshots: found.Snapshots, byID: map[int64]*engine.Snapshot{}}
	byRef := map[store.Ref]*engine.Snapshot{}
	for _, one := range found.Snapshots {
		all.byID[int64(one.ID)], byRef[one.Ref()] = one, one
	}
	for _, v := range found.Verifications {
		view := &Verification{int64(v.Snapshot), v.Finished, v.Sample, v.Files, v.Read, v.Problems, v.Healed, "", ""}
		if of := all.byID[view.Snapshot]; of != nil {
			view.Ref, view.Address = engine.Text(of.Ref().String()), address.Snapshot(of)
		}
		all.Verifications = append(all.Verifications, view)
	}
	slices.SortStableFunc(all.Verifications, func(a, b *Verification) int { return b.Finished.Compare(a.Finished) })
	for _, d := range found.Damage {
		view := &Damage{Snapshot: int64(d.Snapshot), Path: engine.Text(d.Path), Found: d.Found, What: engine.Text(d.What), Digest: d.Digest.String()}
		if of := all.byID[view.Snapshot]; of != nil {
			view.Ref = engine.Text(of.Ref().String())
			if manifest.ValidPath(d.Path) {
				view.Address = address.At("browse", of, d.Path)
			}
		}
		all.Damage = append(all.Damage, view)
	}
	slices.SortStableFunc(all.Damage, func(a, b *Damage) int { return b.Found.Compare(a.Found) })
	for _, one := range found.Runs {
		view := &Run{
			Verb: one.Verb, Name: engine.Text(one.Name), Stamp: one.Stamp, Host: one.Host, Started: one.Started, Finished: one.Finished,
			Outcome: string(one.Outcome), Error: engine.Text(one.Error), BackupName: one.Name,
		}
		if of := byRef[store.Ref{Name: one.Name, Stamp: one.Stamp}]; of != nil {
			view.Address = address.Snapshot(of)
		}
		all.Runs = append(all.Runs, view)
	}
	slices.SortStableFunc(all.Runs, func(a, b *Run) int { return b.Started.Compare(a.Started) })
	return all
}

// Find returns the snapshot of that name and stamp, or with "latest" the newest one,
// nil where there is none.
func (all *Records) Find(name, stamp string) *engine.Snapshot {
	for _, one := range all.Snapshots { // the newest first
		if one.Name == name && (one.Stamp == stamp || stamp == "latest") {
			return one
		}
	}
	return nil
}

// Problems returns how many problems the last verification of each name has found.
func (all *Records) Problems() map[string]int64 {
	found := map[string]int64{}
	for _, v := range all.Verifications { // the newest first
		if of := all.byID[v.Snapshot]; of != nil {
			if _, later := found[of.Name]; !later {
				found[of.Name] = v.Problems
			}
		}
	}
	return found
}
