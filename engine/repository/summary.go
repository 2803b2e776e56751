package repository

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"phlb/engine/manifest"
)

// Summarize returns the line that ends a backup and its log.
func Summarize(h *manifest.Header, s *manifest.Summary) string {
	return SummarizeIn(s, s.Finished.Sub(h.Started))
}

// SummarizeIn is Summarize for a run of that duration. For a tree that was adopted, the
// snapshot does not tell the duration: it was started when the tree was made.
func SummarizeIn(s *manifest.Summary, took time.Duration) string {
	text := fmt.Sprintf("%s, %s: %d unchanged, %d linked, %d new (%s)",
		english.Plural(int(s.Files), "file", ""), humanize.IBytes(uint64(s.Bytes)), s.Unchanged, s.Linked, s.New, humanize.IBytes(uint64(s.NewBytes)))
	if s.Skipped > 0 {
		var of []string
		if s.Folders > 0 {
			of = append(of, english.Plural(int(s.Folders), "folder", ""))
		}
		if files := s.Skipped - s.Folders; files > 0 {
			of = append(of, english.Plural(int(files), "file", ""))
		}
		text += ", " + english.WordSeries(of, "and") + " skipped"
	}
	if s.Errors > 0 {
		text += ", " + english.Plural(int(s.Errors), "error", "")
	}
	return fmt.Sprintf("%s in %s", text, took.Round(10*time.Millisecond))
}

// Bytes returns a size in bytes with its unit. english.Plural takes an int, which may be too
// small for a size.
func Bytes(size int64) string {
	return fmt.Sprintf("%d %s", size, english.PluralWord(int(min(size, 2)), "byte", ""))
}

// SomeOf lists names, or some of them where there are many.
func SomeOf(names []string) string {
	const most = 10
	if len(names) > most {
		names = append(names[:most-1:most-1], fmt.Sprintf("%d more", len(names)-most+1))
	}
	return strings.Join(names, ", ")
}

// String returns the snapshots of a removal, or some of them where there are many, and what
// the removal frees.
func (r *Removal) String() string {
	refs := make([]string, len(r.Snapshots))
	for i, s := range r.Snapshots {
		refs[i] = s.Ref().String()
	}
	return fmt.Sprintf("%s: %s of %s that no other snapshot holds",
		SomeOf(refs), humanize.IBytes(uint64(r.Bytes)), english.Plural(int(r.Files), "file", ""))
}
