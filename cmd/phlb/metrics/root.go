package metrics

import (
	"fmt"
	"strings"

	"phlb/engine"
)

// Root is what there is in a backup root, for a server that is asked for it.
type Root struct {
	Snapshots []*engine.Snapshot // the newest first
	Problems  map[string]int64   // that the last verification of each name has found
	Damaged   int                // files that are known not to be what was stored
}

// Text returns the numbers of each backup name, as [Run.Write] gives them, and those of
// the root.
func (r Root) Text() string {
	known := samples{}
	kept, cost := map[string]float64{}, map[string]float64{}
	complete := map[string]bool{}
	for _, s := range r.Snapshots {
		name := strings.ToValidUTF8(s.Name, "\ufffd") // which labels must be
		kept[name]++
		cost[name] += float64(s.NewBytes)
		for _, m := range metrics {
			switch {
			case m.of == nil:
			case m.name == lastSuccess && s.Complete() && !complete[name]:
				complete[name] = true
				known.set(m.name, name, m.of(s))
			case m.name != lastSuccess && kept[name] == 1:
				known.set(m.name, name, m.of(s))
			}
		}
	}
	for name, n := range r.Problems {
		known.set(verifyProblems, strings.ToValidUTF8(name, "\ufffd"), float64(n))
	}
	var b strings.Builder
	known.write(&b)
	perName(&b, "phlb_snapshots", "Snapshots that there are.", kept)
	perName(&b, "phlb_new_bytes", "Bytes that all snapshots that there are have added to the backup root.", cost)
	gauge(&b, "phlb_damaged_files", "Files in snapshots that are known not to be what was stored.")
	fmt.Fprintf(&b, "phlb_damaged_files %d\n", r.Damaged)
	return b.String()
}
