package repository

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// Text returns s as it is written in JSON, which can only hold UTF-8. Other text is quoted
// as in Go, with bytes such as \xe4, and so begins with a quotation mark.
func Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strconv.Quote(s)
}

// MarshalJSON gives the attributes that a script sees, with times in UTC.
func (s *Snapshot) MarshalJSON() ([]byte, error) {
	tags := s.Tags
	if tags == nil {
		tags = []string{}
	}
	return json.Marshal(struct {
		ID        int64     `json:"id"`
		Name      string    `json:"name"`
		Stamp     string    `json:"stamp"`
		Path      string    `json:"path"`
		Time      time.Time `json:"time"`
		Finished  time.Time `json:"finished"`
		Source    string    `json:"source"`
		Host      string    `json:"host"`
		Tags      []string  `json:"tags"`
		Files     int64     `json:"files"`
		Bytes     int64     `json:"bytes"`
		Unchanged int64     `json:"unchanged"`
		Linked    int64     `json:"linked"`
		New       int64     `json:"new"`
		NewBytes  int64     `json:"new_bytes"`
		Skipped   int64     `json:"skipped"`
		Folders   int64     `json:"skipped_folders"`
		Errors    int64     `json:"errors"`
		Complete  bool      `json:"complete"`
	}{
		int64(s.ID), Text(s.Name), s.Stamp, Text(s.Path), s.Started.UTC(), s.Finished.UTC(), Text(s.Source), s.Host, tags,
		s.Files, s.Bytes, s.Unchanged, s.Linked, s.New, s.NewBytes, s.Skipped, s.Folders, s.Errors, s.Complete(),
	})
}

// MarshalJSON gives the fields.
func (p Problem) MarshalJSON() ([]byte, error) {
	type fields Problem
	p.Path, p.Detail = Text(p.Path), Text(p.Detail)
	return json.Marshal(fields(p))
}

// MarshalJSON gives the attributes that a script sees.
func (r *Removal) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Snapshots []*Snapshot `json:"snapshots"`
		Files     int64       `json:"files"`
		Bytes     int64       `json:"bytes"`
	}{r.Snapshots, r.Files, r.Bytes})
}

// MarshalJSON gives the attributes that a script sees.
func (r *Report) MarshalJSON() ([]byte, error) {
	added, problems := r.Added, r.Problems
	if added == nil {
		added = []*Snapshot{}
	}
	if problems == nil {
		problems = []Problem{}
	}
	return json.Marshal(struct {
		OK       bool        `json:"ok"`
		Snapshot *Snapshot   `json:"snapshot"`
		Added    []*Snapshot `json:"added"`
		Files    int64       `json:"files"`
		Read     int64       `json:"read"`
		Bytes    int64       `json:"bytes"`
		Before   int64       `json:"read_before"`
		Removed  int         `json:"removed"`
		Linked   int64       `json:"linked"`
		Saved    int64       `json:"saved"`
		Problems []Problem   `json:"problems"`
	}{r.OK(), r.Snapshot, added, r.Files, r.Read, r.Bytes, r.Before, r.Removed, r.Linked, r.Saved, problems})
}
