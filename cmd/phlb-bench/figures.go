package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// figures are what -catalog and -more measure.
type figures struct {
	About   string   `json:"about"`
	OS      string   `json:"os"`
	Arch    string   `json:"arch"`
	CPUs    int      `json:"cpus"`
	Figures []figure `json:"figures"`
}

// A figure is one row of the table.
type figure struct {
	What    string   `json:"what"`
	Samples []sample `json:"samples,omitempty"`
	Median  sample   `json:"median"` // of each number by itself
	Best    sample   `json:"best"`
	Value   float64  `json:"value,omitempty"` // where it is not the time that counts, or a ratio
	Unit    string   `json:"unit,omitempty"`
	Wanted  string   `json:"wanted,omitempty"`
}

// A figuring is a run that makes figures.
type figuring struct {
	options
	figures
	ctx  context.Context
	work string
	phlb string
	cmds *commands
	log  io.Writer
}

func measureFigures(ctx context.Context, o options, log io.Writer) (_ *figures, err error) {
	dst := o.dst
	if o.more {
		if o.src, dst, err = folders(o.src, o.dst); err != nil {
			return nil, err
		}
	}
	at, done, err := newSite(dst, o.keep, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	p, err := findPhlb(ctx, o, at.bin)
	if err != nil {
		return nil, err
	}
	f := &figuring{
		options: o, ctx: ctx, work: at.work, phlb: p.path, cmds: at.cmds, log: log,
		figures: figures{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()},
	}
	if o.catalog {
		err = f.ofCatalog()
	} else {
		err = f.ofTree()
	}
	if len(f.Figures) == 0 {
		return nil, err
	}
	return &f.figures, err
}

// run measures a command so many times, each time after what prepare does.
func (f *figuring) run(what, root string, rounds int, prepare func() error, argv ...string) (*figure, error) {
	row := figure{What: what}
	for range rounds {
		if prepare != nil {
			if err := prepare(); err != nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
		}
		if err := flush(f.work); err != nil {
			return nil, err
		}
		s, err := f.cmds.measure(f.ctx, [][]string{argv}, []string{"PHLB_BACKUP_PATH=" + root})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		row.Samples = append(row.Samples, s)
	}
	r := report{Results: []result{{Samples: row.Samples}}}
	r.finish()
	row.Median, row.Best = r.Results[0].Median, row.Samples[0]
	for _, s := range row.Samples {
		row.Best = sample{min(row.Best.Wall, s.Wall), min(row.Best.CPU, s.CPU), min(row.Best.Peak, s.Peak)}
	}
	fmt.Fprintf(f.log, "phlb-bench: %s: %s\n", what, seconds(row.Median.Wall))
	f.Figures = append(f.Figures, row)
	return &f.Figures[len(f.Figures)-1], nil
}

// within runs a command that should take no longer than that.
func (f *figuring) within(limit time.Duration, what, root string, argv ...string) error {
	row, err := f.run(what, root, f.rounds, nil, argv...)
	if err == nil {
		row.Wanted = fmt.Sprintf("< %.3f s", limit.Seconds())
	}
	return err
}

// ofCatalog measures commands on a large catalog.
func (f *figuring) ofCatalog() error {
	h := &history{root: filepath.Join(f.work, "root"), name: "made", paths: f.paths, snapshots: f.options.history, seed: f.seed}
	f.About = fmt.Sprintf("a catalog of %s paths in %s snapshots, on %s", humanize.Comma(int64(h.paths)), humanize.Comma(int64(h.snapshots)), fileSystem(f.work))
	fmt.Fprintf(f.log, "phlb-bench: making up %s\n", f.About)
	const bytesPerEntry = 70 // of a manifest
	need := int64(h.paths) * int64(h.snapshots+5) * bytesPerEntry
	if free, known := freeSpace(f.work); known && free < uint64(need) {
		return fmt.Errorf("%s has %s free, and the manifests need %s: choose another -dst, or fewer -paths", f.dst, size(int64(free)), size(need))
	}
	if err := h.write(f.ctx); err != nil {
		return fmt.Errorf("make up a history: %w", err)
	}
	path := h.path(min(4711, h.paths-1))
	script, err := unpack("phlb-versions", f.work)
	if err != nil {
		return err
	}
	row, err := f.run("phlb add, from the manifests", h.root, 1, nil, f.phlb, "add")
	if err != nil {
		return err
	}
	row.Value = float64(h.paths) * float64(h.snapshots) / row.Best.Wall.Seconds()
	row.Unit, row.Wanted = "entries/s", "≥ 300,000"
	info, err := os.Stat(filepath.Join(h.root, ".phlb", "catalog.ql"))
	if err != nil {
		return err
	}
	f.Figures = append(f.Figures, figure{
		What: "catalog file", Value: float64(info.Size()) / float64(h.versions), Unit: "bytes/version", Wanted: "< 200",
	})
	if err := errors.Join(
		f.within(50*time.Millisecond, "phlb snapshots", h.root, f.phlb, "snapshots"),
		f.within(300*time.Millisecond, "phlb log PATH", h.root, f.phlb, "log", path),
		f.within(300*time.Millisecond, "versions(PATH)", h.root, f.phlb, "exec", script, path),
		f.within(time.Second, "phlb find '*.jpg'", h.root, f.phlb, "find", "*.jpg"),
		f.ask(h.root, path),
		f.askSmall(),
	); err != nil {
		return err
	}
	// What a run needs for unchanged files does not depend on how many these
	// are, see the phase of that name; what it needs for the catalog does.
	src := filepath.Join(f.work, "small")
	if err := writeFiles(src, 1000); err != nil {
		return err
	}
	backup := []string{f.phlb, "backup", src}
	if _, err := f.run("phlb backup, new files", h.root, 1, nil, backup...); err != nil {
		return err
	}
	row, err = f.run("phlb backup, unchanged", h.root, f.rounds, nil, backup...)
	if err != nil {
		return err
	}
	row.Value, row.Unit, row.Wanted = float64(row.Median.Peak)/(1<<20), "MiB peak", "< 128"
	return nil
}

// writeFiles makes a folder with n small files.
func writeFiles(dir string, n int) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file %04d", i)), fmt.Appendf(nil, "content of %d\n", i), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ofTree measures what is done with snapshots of a tree.
func (f *figuring) ofTree() error {
	t, err := newTree(f.ctx, f.cmds, f.src, filepath.Join(f.work, "source"), f.seed)
	if err != nil {
		return err
	}
	f.About = fmt.Sprintf("%s: %s files, %s, on %s", f.src, humanize.Comma(int64(t.census.Files)), size(t.census.Bytes), fileSystem(f.work))
	root, to := filepath.Join(f.work, "root"), filepath.Join(f.work, "to")
	env := []string{"PHLB_BACKUP_PATH=" + root}
	name := filepath.Base(t.root)
	// taken makes a snapshot and returns its folder below root.
	taken := func() (string, error) {
		if _, err := f.cmds.measure(f.ctx, [][]string{{f.phlb, "backup", t.root}}, env); err != nil {
			return "", err
		}
		stamp, err := os.Readlink(filepath.Join(root, name, "latest"))
		return name + "/" + stamp, err
	}
	first, err := taken()
	if err != nil {
		return err
	}
	if err := t.change(f.ctx, 0); err != nil {
		return err
	}
	second, err := taken()
	if err != nil {
		return err
	}
	empty := func() error { return removeAll(to) }
	if err := f.against("phlb restore", "cp -a", empty, []string{f.phlb, "restore", second, to},
		empty, []string{"cp", "-a", filepath.Join(root, second), to}, root); err != nil {
		return err
	}
	if _, err := f.run("phlb diff, 1 % changed", root, f.rounds, nil, f.phlb, "diff", first, second); err != nil {
		return err
	}
	// What is removed shares its inodes with a snapshot that stays, on both sides.
	victim := first
	again := func() error { // the one before the last is taken away
		victim = second
		second, err = taken()
		return err
	}
	copied := func() error {
		_, err := f.cmds.measure(f.ctx, [][]string{{"cp", "-al", filepath.Join(root, second), to}}, nil)
		return err
	}
	if err := errors.Join(empty(), again()); err != nil {
		return err
	}
	remove := []string{f.phlb, "remove", ""}
	if err := f.against("phlb remove", "rm -rf", func() error {
		err := again()
		remove[2] = victim
		return err
	}, remove, copied, []string{"rm", "-rf", to}, root); err != nil {
		return err
	}
	h := &history{root: filepath.Join(f.work, "many"), name: "made", paths: 10, snapshots: f.many, seed: f.seed}
	if err := h.write(f.ctx); err != nil {
		return err
	}
	if _, err := f.run("phlb add, many snapshots", h.root, 1, nil, f.phlb, "add"); err != nil {
		return err
	}
	_, err = f.run("phlb forget --dry-run of them", h.root, f.rounds, nil, f.phlb, "forget", h.name,
		"--daily", "7", "--weekly", "4", "--monthly", "12", "--yearly", "30", "--dry-run")
	return err
}

// against measures one command and another one that does the like.
func (f *figuring) against(what, base string, prepare func() error, argv []string, prepareBase func() error, baseArgv []string, root string) error {
	b, err := f.run(base, root, f.rounds, prepareBase, baseArgv...)
	if err != nil {
		return err
	}
	wall := b.Median.Wall
	row, err := f.run(what, root, f.rounds, prepare, argv...)
	if err != nil {
		return err
	}
	row.Value, row.Unit = ratio(row.Median.Wall, wall), "× "+base
	return nil
}

func (f *figures) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(f)
}

func (f *figures) writeTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s/%s, %d CPUs; medians, and the best of them in brackets\n\n", f.About, f.OS, f.Arch, f.CPUs)
	rows := [][]string{{"", "wall", "CPU", "peak memory", "figure", "wanted"}}
	for _, row := range f.Figures {
		cells := []string{row.What, "-", "-", "-", "", row.Wanted}
		if len(row.Samples) > 0 {
			cells[1] = fmt.Sprintf("%s (%s)", seconds(row.Median.Wall), seconds(row.Best.Wall))
			cells[2], cells[3] = seconds(row.Median.CPU), size(row.Median.Peak)
		}
		if row.Unit != "" {
			cells[4] = humanize.CommafWithDigits(row.Value, 2) + " " + row.Unit
		}
		rows = append(rows, cells)
	}
	writeRows(&b, rows)
	_, err := io.WriteString(w, b.String())
	return err
}
