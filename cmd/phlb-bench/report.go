package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// A report is what comes out of a run, and what -json writes.
type report struct {
	Source      string        `json:"source"`
	Tree        contents      `json:"tree"`
	Destination string        `json:"destination"`
	FileSystem  string        `json:"file_system,omitempty"`
	OS          string        `json:"os"`
	Arch        string        `json:"arch"`
	CPUs        int           `json:"cpus"`
	Rounds      int           `json:"rounds"`
	Seed        uint64        `json:"seed"`
	Changed     contents      `json:"changed"` // in the last round
	Tools       []toolInfo    `json:"tools"`
	Skipped     []string      `json:"skipped,omitempty"`
	MemoryFloor int64         `json:"memory_floor_bytes"` // no peak can be seen below it
	Results     []result      `json:"results"`
	Callback    []callback    `json:"callback,omitempty"`
	Startup     time.Duration `json:"startup_ns,omitempty"`
}

type toolInfo struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// A result is one row of the table.
type result struct {
	Phase     string   `json:"phase"`
	Tool      string   `json:"tool"`
	Label     string   `json:"command"`
	Samples   []sample `json:"samples"`
	Median    sample   `json:"median"`               // of each number by itself
	WallRatio float64  `json:"wall_ratio,omitempty"` // to cp in the same phase
	CPURatio  float64  `json:"cpu_ratio,omitempty"`
}

// A callback is what `where` costs for each file in one phase.
type callback struct {
	Phase string        `json:"phase"`
	Wall  time.Duration `json:"wall_ns"`
	CPU   time.Duration `json:"cpu_ns"`
}

// finish works out what follows from the samples.
func (r *report) finish() {
	for i := range r.Results {
		res := &r.Results[i]
		var walls, cpus []time.Duration
		var peaks []int64
		for _, s := range res.Samples {
			walls, cpus, peaks = append(walls, s.Wall), append(cpus, s.CPU), append(peaks, s.Peak)
		}
		res.Median = sample{Wall: median(walls), CPU: median(cpus), Peak: median(peaks)}
	}
	for i := range r.Results {
		res := &r.Results[i]
		if base := r.find(res.Phase, baseline); base != nil {
			res.WallRatio = ratio(res.Median.Wall, base.Median.Wall)
			res.CPURatio = ratio(res.Median.CPU, base.Median.CPU)
		}
	}
	for _, ph := range phases {
		plain, where := r.find(ph.name, plainTool), r.find(ph.name, whereTool)
		if plain != nil && where != nil && r.Tree.Files > 0 {
			n := time.Duration(r.Tree.Files)
			r.Callback = append(r.Callback, callback{
				Phase: ph.name,
				Wall:  (where.Median.Wall - plain.Median.Wall) / n,
				CPU:   (where.Median.CPU - plain.Median.CPU) / n,
			})
		}
	}
}

func (r *report) find(phase, tool string) *result {
	i := slices.IndexFunc(r.Results, func(res result) bool { return res.Phase == phase && res.Tool == tool })
	if i < 0 {
		return nil
	}
	return &r.Results[i]
}

// ratio is 0 where there is nothing to divide by.
func ratio(a, b time.Duration) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func (r *report) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// writeTable prints what the reader has to know, the table, and what to make
// of it.
func (r *report) writeTable(w io.Writer) error {
	var b strings.Builder
	r.writeHead(&b)
	for _, ph := range phases {
		rows := r.rows(ph.name)
		if len(rows) == 0 {
			continue
		}
		against := "× base"
		if base := r.find(ph.name, baseline); base != nil {
			against = "× " + base.Label
		}
		b.WriteByte('\n')
		writeRows(&b, slices.Concat([][]string{{ph.title, "wall", against, "CPU", against, "peak memory", "spread"}}, rows))
	}
	r.writeNotes(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *report) writeHead(w io.Writer) {
	on := r.Destination
	if r.FileSystem != "" {
		on += " (" + r.FileSystem + ")"
	}
	fmt.Fprintf(w, "%s: %s files, %s folders, %s, on %s\n", r.Source, humanize.Comma(int64(r.Tree.Files)),
		humanize.Comma(int64(r.Tree.Folders)), size(r.Tree.Bytes), on)
	fmt.Fprintf(w, "%s/%s, %d CPUs; medians of %d, seed %d; %s files with %s changed in each round\n", r.OS, r.Arch, r.CPUs,
		r.Rounds, r.Seed, humanize.Comma(int64(r.Changed.Files)), size(r.Changed.Bytes))
	var seen []string
	for _, t := range r.Tools {
		if t.Version != "" && !slices.Contains(seen, t.Version) {
			seen = append(seen, t.Version)
			fmt.Fprintln(w, t.Version)
		}
	}
}

func (r *report) rows(phase string) [][]string {
	var rows [][]string
	for _, res := range r.Results {
		if res.Phase != phase {
			continue
		}
		rows = append(rows, []string{
			"  " + res.Label,
			seconds(res.Median.Wall), times(res.WallRatio),
			seconds(res.Median.CPU), times(res.CPURatio),
			r.peak(res.Median.Peak), spread(res),
		})
	}
	return rows
}

func (r *report) writeNotes(w io.Writer) {
	fmt.Fprintln(w)
	for _, c := range r.Callback {
		fmt.Fprintf(w, "where, %s: %.2f µs wall and %.2f µs CPU per file\n", c.Phase, micros(c.Wall), micros(c.CPU))
	}
	if r.Startup > 0 {
		fmt.Fprintf(w, "phlb --version: %.1f ms, median of %d\n", micros(r.Startup)/1000, startups)
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "left out: %s\n", s)
	}
	if slices.ContainsFunc(r.Results, func(res result) bool { return res.Median.Peak > 0 }) {
		fmt.Fprintln(w, "peak memory is that of a tool's largest process")
	} else {
		fmt.Fprintf(w, "peak memory is not to be had on %s\n", r.OS)
	}
}

// writeRows aligns the first column to the left and the others to the right.
func writeRows(w io.Writer, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	// The parts of the table stay in line where their labels are of like length.
	width[0] = max(width[0], 26)
	for _, row := range rows {
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				fmt.Fprint(w, cell, pad)
			} else {
				fmt.Fprint(w, "  ", pad, cell)
			}
		}
		fmt.Fprintln(w)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func size(bytes int64) string { return humanize.IBytes(uint64(max(bytes, 0))) }

func times(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}

// peak writes a peak, or its bound where it cannot be told from the footprint
// that the process began with.
func (r *report) peak(bytes int64) string {
	switch {
	case bytes == 0:
		return "-"
	case bytes <= r.MemoryFloor:
		return "≤ " + size(r.MemoryFloor)
	}
	return size(bytes)
}

// spread is how far the rounds lie apart, in percent of the median.
func spread(res result) string {
	if len(res.Samples) < 2 || res.Median.Wall == 0 {
		return "-"
	}
	low, high := res.Samples[0].Wall, res.Samples[0].Wall
	for _, s := range res.Samples {
		low, high = min(low, s.Wall), max(high, s.Wall)
	}
	return fmt.Sprintf("%.0f %%", 100*ratio(high-low, res.Median.Wall))
}
