// Package journal is the text file under a backup root that keeps what no manifest
// does: what was done to the root, and what verify found there. It only grows. The
// catalog is an index of it as it is one of the manifests.
//
// The first line is [Head], and each of the others a JSON object with one of the
// members of a [Line]. Snapshots are called by name and stamp there, since numbers
// are those of one catalog.
//
//	lines, bad, end, err := journal.Read(ctx, file, 0, size)
//	…
//	for _, text := range lines {
//		l, err := journal.Parse(text)
//		…
//	}
//
// Nothing here writes the file: package store does.
package journal

import (
	"errors"
	"strings"
	"time"

	"phlb/engine/catalog/rows"
)

// Head is the first line of a journal.
const Head = prefix + "1\n"

const prefix = "phlb record "

// ErrNewer says that a later version of phlb has written the journal.
var ErrNewer = errors.New("the record of the backup root was written by a newer phlb: update phlb to use it")

// A Line is one of the journal.
type Line struct {
	Run      *Run          `json:"run,omitempty"`
	Verified *Verification `json:"verified,omitempty"`
	Damaged  *Damage       `json:"damaged,omitempty"`
	Healed   string        `json:"healed,omitempty"` // a digest of which nothing is damaged any more
}

// Run is what was done to the root, as a line tells it.
type Run struct {
	Verb     string       `json:"verb"`
	Name     Text         `json:"name"`
	Stamp    Text         `json:"stamp,omitempty"`
	Host     Text         `json:"host"`
	Started  time.Time    `json:"started"`
	Finished time.Time    `json:"finished"`
	Outcome  rows.Outcome `json:"outcome"`
	Error    Text         `json:"error,omitempty"`
}

// Verification is one look at a snapshot, as a line tells it.
type Verification struct {
	Name     Text      `json:"name"`
	Stamp    Text      `json:"stamp"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Sample   float64   `json:"sample"`
	Files    int64     `json:"files"`
	Read     int64     `json:"read"`
	Bytes    int64     `json:"bytes"`
	Problems int64     `json:"problems"`
	Healed   int64     `json:"healed"`
}

// Damage is a rotten file, as a line tells it.
type Damage struct {
	Name   Text      `json:"name"` // "" where nobody knows any more which snapshot it was
	Stamp  Text      `json:"stamp"`
	Path   Text      `json:"path"`
	Digest string    `json:"digest"`
	Found  time.Time `json:"found"`
	What   Text      `json:"what"`
}

// A Place is a snapshot as the journal calls it.
type Place struct{ Name, Stamp string }

// PlaceOf returns what the journal calls a snapshot.
func PlaceOf(s *rows.Snapshot) Place { return Place{s.Name, s.Stamp} }

// String returns the line without its end.
func (l Line) String() string {
	b, err := marshal(l)
	if err != nil {
		panic(err) // of a sample that is no number
	}
	return string(b)
}

// OfRun returns the line of a run.
func OfRun(r *rows.Run) Line {
	return Line{Run: &Run{
		r.Verb, Text(r.Name), Text(r.Stamp), Text(r.Host), r.Started.UTC(), r.Finished.UTC(), r.Outcome, Text(r.Error),
	}}
}

// OfVerification returns the line of a verification.
func OfVerification(v *rows.Verification, of Place) Line {
	return Line{Verified: &Verification{
		Text(of.Name), Text(of.Stamp), v.Started.UTC(), v.Finished.UTC(), v.Sample, v.Files, v.Read, v.Bytes, v.Problems, v.Healed,
	}}
}

// OfDamage returns the line of damage.
func OfDamage(d *rows.Damage, of Place) Line {
	return Line{Damaged: &Damage{
		Text(of.Name), Text(of.Stamp), Text(d.Path), d.Digest.String(), d.Found.UTC(), Text(d.What),
	}}
}

// DamageLines returns the lines of damage in one snapshot, with their ends. It is for
// whoever cannot tell a catalog.
func DamageLines(of Place, found []rows.Damage) string {
	var lines strings.Builder
	for i := range found {
		lines.WriteString(OfDamage(&found[i], of).String() + "\n")
	}
	return lines.String()
}
