package engine

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"phlb/engine/manifest"
)

// Summarize returns the line that ends a backup and its log.
func Summarize(h *manifest.Header, s *manifest.Summary) string {
	text := fmt.Sprintf("%d files, %s: %d unchanged, %d linked, %d new (%s)",
		s.Files, humanize.IBytes(uint64(s.Bytes)), s.Unchanged, s.Linked, s.New, humanize.IBytes(uint64(s.NewBytes)))
	if s.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", s.Skipped)
	}
	if s.Errors > 0 {
		text += fmt.Sprintf(", %d errors", s.Errors)
	}
	return fmt.Sprintf("%s in %s", text, s.Finished.Sub(h.Started).Round(10*time.Millisecond))
}
