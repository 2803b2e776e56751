package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A phase is one state of the tree in which every tool is measured.
type phase struct {
	name   string // the key of a tool's steps
	title  string // in the table
	change bool   // the tree changes before
}

// phases are gone through in this order, in every round.
var phases = []phase{
	{name: "first", title: "first backup"},
	{name: "unchanged", title: "unchanged"},
	{name: "changed", title: "1 % changed", change: true},
}

// A bench is one run of the program.
type bench struct {
	rounds  int
	tools   []tool
	tree    *tree
	work    string // the folder that everything is in
	aside   string // where backups of earlier rounds wait for their end, "" to delete them
	cmds    *commands
	samples map[sampleKey][]sample
	failed  map[string]error // tools that are out, by name
	log     io.Writer
}

type sampleKey struct{ phase, tool string }

// measureAll does everything but the printing. It returns a report unless there
// is nothing to report, and with it an error if a tool failed.
func measureAll(ctx context.Context, o options, log io.Writer) (_ *report, err error) {
	src, dst, err := folders(o.src, o.dst)
	if err != nil {
		return nil, err
	}
	at, done, err := newSite(dst, o.keep, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	kit, skipped, err := assemble(ctx, o, at.cmds, at.bin)
	if err != nil {
		return nil, err
	}
	if err := checkSpace(src, dst, 1+len(kit.tools)); err != nil {
		return nil, err
	}
	fmt.Fprintf(log, "phlb-bench: copying %s to %s\n", src, at.work)
	t, err := newTree(ctx, at.cmds, src, filepath.Join(at.work, "source"), o.seed)
	if err != nil {
		return nil, err
	}

	b := &bench{
		rounds: o.rounds, tools: kit.tools, tree: t, work: at.work, cmds: at.cmds, log: log,
		samples: map[sampleKey][]sample{}, failed: map[string]error{},
	}
	if fileSystem(dst) != "tmpfs" && checkSpace(src, dst, 1+(1+o.rounds)*len(kit.tools)) == nil {
		b.aside = filepath.Join(at.work, "aside")
		if err := os.Mkdir(b.aside, 0o700); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, removeAll(b.aside)) }()
	}
	// Memory that was never in use costs more the first time, in a virtual machine
	// above all, and so does a program that has to be loaded: one round for nothing.
	if err := b.round(ctx, 0, "warming up", phases[:1]); err != nil {
		return nil, err
	}
	clear(b.samples)
	for round := range o.rounds {
		if err := b.round(ctx, round, fmt.Sprintf("round %d of %d", round+1, o.rounds), phases); err != nil {
			return nil, err
		}
	}
	r := b.report(src, dst, skipped)
	var failures []error
	if o.startup {
		r.Startup, err = b.startup(ctx, kit.phlb)
		failures = append(failures, err)
	}
	// The footprint that children start with only grows: at the end it bounds
	// that of every child before.
	r.MemoryFloor = at.cmds.floor(ctx)
	for _, tool := range b.tools {
		if err := b.failed[tool.name]; err != nil {
			failures = append(failures, fmt.Errorf("%s is left out: %w", tool.name, err))
		}
	}
	return r, errors.Join(failures...)
}

// A site is where a run works.
type site struct {
	work string // the folder that everything goes to
	bin  string // for a phlb that has to be built; work may be mounted noexec
	cmds *commands
}

// newSite makes a site below dst. The caller must call done.
func newSite(dst string, keep bool, log io.Writer) (_ *site, done func() error, err error) {
	at := &site{}
	work, removeWork, err := workFolder(dst, keep, log)
	if err != nil {
		return nil, nil, err
	}
	at.work = work
	done = func() error { return errors.Join(os.RemoveAll(at.bin), removeWork()) }
	if at.cmds, err = newCommands(work); err == nil {
		at.bin, err = os.MkdirTemp("", "phlb-bench-bin-")
	}
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return at, done, nil
}

// workFolder makes the folder that everything goes to. The caller must call done.
func workFolder(dst string, keep bool, log io.Writer) (work string, done func() error, err error) {
	work, err = os.MkdirTemp(dst, "phlb-bench-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder for the backups: %w", err)
	}
	return work, func() error {
		if keep {
			fmt.Fprintf(log, "phlb-bench: everything is left in %s\n", work)
			return nil
		}
		return removeAll(work)
	}, nil
}

// folders resolves source and destination, and refuses what cannot work.
func folders(src, dst string) (string, string, error) {
	var resolved [2]string
	for i, path := range []string{src, dst} {
		abs, err := filepath.Abs(path)
		if err == nil {
			abs, err = filepath.EvalSymlinks(abs)
		}
		if err != nil {
			return "", "", err
		}
		info, err := os.Stat(abs)
		if err != nil {
			return "", "", err
		}
		if !info.IsDir() {
			return "", "", fmt.Errorf("%s is not a folder", path)
		}
		resolved[i] = abs
	}
	if rel, err := filepath.Rel(resolved[0], resolved[1]); err == nil && filepath.IsLocal(rel) {
		return "", "", fmt.Errorf("-dst %s lies inside -src %s and would be copied into itself, choose another", dst, src)
	}
	return resolved[0], resolved[1], nil
}

// checkSpace refuses a destination that cannot hold so many copies.
func checkSpace(src, dst string, copies int) error {
	c, err := census(src)
	if err != nil {
		return fmt.Errorf("read the source: %w", err)
	}
	free, known := freeSpace(dst)
	if need := uint64(c.Bytes) * uint64(copies); known && free < need {
		return fmt.Errorf("%s has %s free, and %d copies of %s may need %s: choose another -dst, or fewer -tools",
			dst, size(int64(free)), copies, src, size(int64(need)))
	}
	return nil
}

// round measures every tool once in each of the phases.
func (b *bench) round(ctx context.Context, round int, title string, phases []phase) error {
	order := turns(b.tools, round)
	for i, ph := range phases {
		if ph.change {
			if err := b.tree.change(ctx, round); err != nil {
				return fmt.Errorf("change the working copy: %w", err)
			}
		}
		var times []string
		for _, tool := range order {
			step, ok := tool.steps[ph.name]
			if !ok || b.failed[tool.name] != nil {
				continue
			}
			j := job{src: b.tree.root, dir: filepath.Join(b.work, "runs", tool.name)}
			s, err := b.turn(ctx, tool, step, j, i == 0)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				b.failed[tool.name] = fmt.Errorf("%s: %w", ph.title, err)
				times = append(times, tool.name+" failed")
				continue
			}
			key := sampleKey{ph.name, tool.name}
			b.samples[key] = append(b.samples[key], s)
			times = append(times, tool.name+" "+seconds(s.Wall))
		}
		fmt.Fprintf(b.log, "phlb-bench: %s, %s: %s\n", title, ph.title, strings.Join(times, ", "))
	}
	return nil
}

// turns rotates the tools from round to round, and turns them round in every
// second one, so that nobody always follows the same one.
func turns[T any](tools []T, round int) []T {
	first := round % len(tools)
	order := slices.Concat(tools[first:], tools[:first])
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// turn measures one step of one tool, in a folder that is fresh in the first
// phase of a round. Where what it had there is deleted, that is only now: then
// every tool finds as much memory just set free as it is going to need, whoever
// was before it. Some have the system forget what they read, so that the next one
// would have to wait for the disk: it finds the source in memory, as all do.
func (b *bench) turn(ctx context.Context, t tool, s step, j job, fresh bool) (sample, error) {
	if fresh {
		if err := errors.Join(b.clear(j.dir), os.MkdirAll(j.dir, 0o700)); err != nil {
			return sample{}, err
		}
		if t.prepare != nil {
			if _, err := b.cmds.measure(ctx, t.prepare(j), t.environ(j)); err != nil {
				return sample{}, err
			}
		}
	}
	if err := b.tree.warm(ctx); err != nil {
		return sample{}, fmt.Errorf("read the working copy: %w", err)
	}
	if err := flush(b.work); err != nil {
		return sample{}, fmt.Errorf("sync %s: %w", b.work, err)
	}
	return b.cmds.measure(ctx, s.argv(j), t.environ(j))
}

// clear makes room for dir. On a disk a deletion is no good neighbour: ext4 passes
// over inodes that were freed less than a minute ago, one by one.
func (b *bench) clear(dir string) error {
	if b.aside == "" {
		return removeAll(dir)
	}
	old, err := os.MkdirTemp(b.aside, "")
	if err != nil {
		return err
	}
	if err := os.Rename(dir, filepath.Join(old, filepath.Base(dir))); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// startups is how often phlb is started for its starting time.
const startups = 20

func (b *bench) startup(ctx context.Context, phlb string) (time.Duration, error) {
	var walls []time.Duration
	for range startups {
		s, err := b.cmds.measure(ctx, [][]string{{phlb, "--version"}}, nil)
		if err != nil {
			return 0, fmt.Errorf("start phlb: %w", err)
		}
		walls = append(walls, s.Wall)
	}
	return median(walls), nil
}

// report puts the samples in the order of the table. A tool that failed on the
// way has none: fewer rounds than the others had are no fair median.
func (b *bench) report(src, dst string, skipped []string) *report {
	r := &report{
		Source: src, Tree: b.tree.census, Destination: dst, FileSystem: fileSystem(dst),
		OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(),
		Rounds: b.rounds, Seed: b.tree.seed, Changed: b.tree.changed, Skipped: skipped,
	}
	for _, tool := range b.tools {
		r.Tools = append(r.Tools, toolInfo{Name: tool.name, Version: tool.version})
	}
	for _, ph := range phases {
		for _, tool := range b.tools {
			if samples := b.samples[sampleKey{ph.name, tool.name}]; len(samples) > 0 && b.failed[tool.name] == nil {
				r.Results = append(r.Results, result{
					Phase: ph.name, Tool: tool.name, Label: tool.steps[ph.name].label, Samples: samples,
				})
			}
		}
	}
	r.finish()
	return r
}
