package show

import (
	"fmt"
	"strings"

	"phlb/engine"
	"phlb/runtime"
)

// Report returns the problems of a report, one per line, and what was looked at.
func Report(r *engine.Report, colours bool) string {
	var b strings.Builder
	problems(&b, r.Problems, colours)
	if r.Snapshot != nil {
		before := ""
		if r.Before > 0 {
			before = ", " + Size(r.Before) + " with a snapshot before"
		}
		fmt.Fprintf(&b, "%s: %s, %s read back%s: %s\n", Printable(r.Snapshot.Ref().String()), Count(r.Files, "file"), Size(r.Bytes), before, r.Verdict())
		return b.String()
	}
	for _, s := range r.Added {
		fmt.Fprintln(&b, Printable(s.Path))
	}
	fmt.Fprintf(&b, "%s added, %d forgotten; %s linked, %s saved: %s\n", Count(int64(len(r.Added)), "snapshot"), r.Removed,
		Count(r.Linked, "duplicate"), Size(r.Saved), r.Verdict())
	return b.String()
}

// Restored returns the problems of a restore, one per line, and what was
// restored.
func Restored(r *engine.Restored, colours bool) string {
	var b strings.Builder
	problems(&b, r.Problems, colours)
	if !r.Dry {
		fmt.Fprintf(&b, "%s: %v\n", Printable(r.To), r)
	}
	return b.String()
}

func problems(b *strings.Builder, all []engine.Problem, colours bool) {
	for _, p := range all {
		p.Path, p.Detail = Printable(p.Path), runtime.Harmless(p.Detail)
		if colours {
			p.What = Red.Set(p.What)
		}
		fmt.Fprintln(b, p)
	}
}
