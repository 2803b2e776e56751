package engine

import (
	"time"

	"phlb/engine/manifest"
	"phlb/engine/repository"
)

// What the verbs take and give, so that a caller of the engine needs to know this
// package alone.
type (
	Environment = repository.Environment
	Source      = repository.Source
	Counts      = repository.Counts
	Snapshot    = repository.Snapshot
	Removal     = repository.Removal
	Report      = repository.Report
	Problem     = repository.Problem
	Progress    = repository.Progress
	Age         = repository.Age
)

// Errors that callers tell apart.
var (
	ErrNoRoot     = repository.ErrNoRoot
	ErrNoSnapshot = repository.ErrNoSnapshot
)

// PinnedTag is the tag of a snapshot that is never removed.
const PinnedTag = repository.PinnedTag

// Missing and Unhealed are problems of a report that callers tell apart.
const (
	Missing  = repository.Missing
	Unhealed = repository.Unhealed
)

// Text returns what stands for s in JSON, see [repository.Text].
func Text(s string) string { return repository.Text(s) }

// Summarize returns the line that ends a backup and its log.
func Summarize(h *manifest.Header, s *manifest.Summary) string { return repository.Summarize(h, s) }

// ParseAge reads an age such as 2days, see [repository.ParseAge].
func ParseAge(text string) (Age, error) { return repository.ParseAge(text) }

// IsAhead reports whether a snapshot is dated ahead of the clock, see
// [repository.IsAhead].
func IsAhead(started, now time.Time) bool { return repository.IsAhead(started, now) }
