package engine

import (
	"time"

	"phlb/engine/archive"
	"phlb/engine/backup"
	"phlb/engine/diff"
	"phlb/engine/manifest"
	"phlb/engine/moment"
	"phlb/engine/repository"
	"phlb/engine/restore"
	"phlb/engine/store"
	"phlb/engine/verify"
)

// What the verbs take and give, under names of this package: a caller of the
// engine needs to know no other.
type (
	Environment = repository.Environment
	Finding     = repository.Finding
	Source      = repository.Source
	Counts      = repository.Counts
	Snapshot    = repository.Snapshot
	Removal     = repository.Removal
	Report      = repository.Report
	Problem     = repository.Problem
	Progress    = repository.Progress
	Age         = moment.Age
	Check       = verify.Check
	Round       = verify.Round
	Change      = diff.Change
	Restoration = restore.Restoration
	Restored    = restore.Restored
	Overwrite   = restore.Overwrite
	Content     = archive.Content
	Selection   = archive.Selection
	Format      = archive.Format
)

// Errors that callers tell apart.
var (
	ErrNoRoot       = repository.ErrNoRoot
	ErrNoSnapshot   = repository.ErrNoSnapshot
	ErrRootGone     = repository.ErrRootGone
	ErrOtherRoot    = repository.ErrOtherRoot
	ErrOpenFiles    = repository.ErrOpenFiles
	ErrNeedsName    = backup.ErrNeedsName
	ErrName         = store.ErrName
	ErrInsideRoot   = backup.ErrInsideRoot
	ErrUnsealed     = backup.ErrUnsealed
	ErrNotBelowRoot = repository.ErrNotBelowRoot
	ErrIntoRoot     = restore.ErrIntoRoot
	ErrTarget       = restore.ErrTarget
	ErrDelete       = restore.ErrDelete
	ErrReadOnly     = repository.ErrReadOnly
	ErrRotten       = archive.ErrRotten
	ErrNotHeld      = archive.ErrNotHeld
)

// PinnedTag is the tag of a snapshot that is never removed.
const PinnedTag = repository.PinnedTag

// What becomes of a path that the target of a restore has already.
const (
	Never  = restore.Never
	Newer  = restore.Newer
	Always = restore.Always
)

// The formats of archives.
const (
	Tar = archive.Tar
	Zip = archive.Zip
)

// Problems that callers tell apart.
const (
	Missing    = repository.Missing
	Unhealed   = repository.Unhealed
	Unwritable = restore.Unwritable
	Denied     = restore.Denied
	InTheWay   = restore.InTheWay
	Inexact    = restore.Inexact
	Renamed    = restore.Renamed
)

// Summarize returns the line that ends a backup and its log.
func Summarize(h *manifest.Header, s *manifest.Summary) string { return repository.Summarize(h, s) }

// Text returns what stands for s in JSON, see [repository.Text].
func Text(s string) string { return repository.Text(s) }

// ParseAge reads an age such as 2days, see [moment.ParseAge].
func ParseAge(text string) (Age, error) { return moment.ParseAge(text) }

// ParseOverwrite reads a rule for what is there already; "" is [Never].
func ParseOverwrite(text string) (Overwrite, error) { return restore.ParseOverwrite(text) }

// IsAhead reports whether a snapshot is dated ahead of the clock, see
// [repository.IsAhead].
func IsAhead(started, now time.Time) bool { return repository.IsAhead(started, now) }
