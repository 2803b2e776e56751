// Phlb-bench measures phlb against cp, rsync, restic and borg, on one tree and
// in one run:
//
//	go run ./cmd/phlb-bench -src /usr/share
//
// The source is read once, into a working copy below -dst, so that source and
// backups share a file system and files can be changed without touching the
// user's. In each round every tool makes a first backup into an empty folder,
// then one of the unchanged tree, then one after 1 % of the files changed. The
// tools take turns within a phase, in another order in each round, and the
// table has the medians; a first backup by everyone, to warm up, does not
// count. The source is in the page cache, and before each measurement the file
// system is synced, untimed, so that no tool pays for what another one left
// behind. Restic and borg work without encryption where they can, and otherwise
// with their defaults; making their repositories is not timed.
//
// What the columns mean: wall is the time from the start of a command to its
// end. CPU is user and system time of the command and of all the processes
// that it waited for, but not of the kernel's own writing back. Peak memory is
// the largest resident set that one of these processes had, not their sum:
// rsync has three. A process starts with the footprint of whoever started it,
// so that nothing below that of phlb-bench itself can be seen; it is shown
// as "≤". Spread is the distance of the slowest round from the fastest, against
// the median.
//
// `cp -al` is no backup: it links the previous copy without a look at the
// source. It is the ratio's base for the later phases, as what it costs to make
// such a tree at all. Phlb syncs before it seals a snapshot and cp does not,
// hence the rows in which cp is followed by sync. The rows called bare make the
// system calls that phlb cannot do without, from as many threads, and hash what
// they copy, but keep no record of it: what the machine allows at best.
//
// On a disk with room for it, the backups of all rounds are left where they are
// until the end: what is made right after a deletion takes longer there. In
// memory they are deleted from round to round, which is what sets memory free.
//
// Two other runs measure what comes after a backup:
//
//	go run ./cmd/phlb-bench -catalog -dst /dev/shm
//	go run ./cmd/phlb-bench -more -src /usr/share
//
// The first one makes up the manifests of a million paths in fifty snapshots,
// has phlb build a catalog from them and asks that: what is measured are whole
// commands, from start to end. Questions in SQL are asked of phlb and, where it is
// installed, of sqlite3, about a file that phlb export has written with the same
// rows. The second one holds restore against cp -a and remove against rm -rf of the
// same tree, and measures diff, and forget on a name with 10,000 snapshots.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(exitCode(err, os.Stderr))
}

// bareCommand is what phlb-bench calls itself with, to be measured: see bareTool.
const bareCommand = "bare-system-calls"

// options are the command line.
type options struct {
	src, dst string
	rounds   int
	seed     uint64
	tools    []string // nil for all that are installed
	phlb     string   // "" to build it
	script   string   // "" for the checkout's scripts/backup.star
	where    bool
	startup  bool
	catalog  bool
	more     bool
	paths    int    // of the catalog
	history  int    // snapshots in it
	many     int    // snapshots that forget decides on
	json     string // "" for none, "-" for stdout
	keep     bool
}

// errUsage is about the command line, and has been printed with it.
var errUsage = errors.New("usage")

func parseFlags(args []string, stderr io.Writer) (options, error) {
	o := options{many: 10_000}
	var names string
	f := flag.NewFlagSet("phlb-bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.src, "src", "", "the `folder` to back up; it is copied once and only read")
	f.StringVar(&o.dst, "dst", os.TempDir(), "the `folder` below which the copy and the backups go")
	f.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	f.Uint64Var(&o.seed, "seed", 1, "which files change: the same seed, the same files")
	f.StringVar(&names, "tools", "", "only those of this comma-separated `list`: "+strings.Join(toolNames(), ","))
	f.StringVar(&o.phlb, "phlb", "", "the `path` of the phlb to measure; built from the checkout if not given")
	f.StringVar(&o.script, "script", "", "the `file` with the policy that phlb runs; scripts/backup.star of the checkout if not given")
	f.BoolVar(&o.where, "where", false, "measure what a callback per file costs, in two more rows")
	f.BoolVar(&o.startup, "startup", false, "measure what it costs to start phlb")
	f.BoolVar(&o.catalog, "catalog", false, "measure commands on a large catalog instead, made up of -paths and -snapshots")
	f.IntVar(&o.paths, "paths", 1_000_000, "for -catalog: how many paths there are in each snapshot")
	f.IntVar(&o.history, "snapshots", 50, "for -catalog: how many snapshots there are; 1 % of the files change from one to the next")
	f.BoolVar(&o.more, "more", false, "measure restore, diff, remove and forget instead, against cp and rm")
	f.StringVar(&o.json, "json", "", "write all samples as JSON to `file`, or to stdout for -")
	f.BoolVar(&o.keep, "keep", false, "leave the copy and the last round's backups in place")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, errUsage
	}
	given := false
	f.Visit(func(f *flag.Flag) { given = given || f.Name == "dst" })
	if _, err := os.Stat("/dev/shm"); o.catalog && !given && err == nil {
		o.dst = "/dev/shm" // a disk would be what is measured
	}
	fault := ""
	switch {
	case f.NArg() > 0:
		fault = "unexpected " + f.Arg(0)
	case o.catalog && (o.more || o.src != "" || o.paths < 1 || o.history < 1 || o.history > math.MaxUint16):
		fault = "-catalog goes with -paths and -snapshots alone, and makes up what it measures"
	case o.src == "" && !o.catalog:
		fault = "-src is missing: which folder is to be backed up?"
	case o.rounds < 1:
		fault = "-rounds must be at least 1"
	}
	if names != "" {
		o.tools = strings.Split(names, ",")
		for _, name := range o.tools {
			if !slices.Contains(toolNames(), name) {
				fault = fmt.Sprintf("-tools: %q is not one of %s", name, strings.Join(toolNames(), ", "))
			}
		}
	}
	if fault != "" {
		fmt.Fprintf(stderr, "phlb-bench: %s\n", fault)
		return o, errUsage
	}
	return o, nil
}

// run is the whole program. A tool that fails is left out from then on; the
// others are measured and shown, and the error comes at the end.
func run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) (err error) {
	if len(args) == 4 && args[0] == bareCommand {
		return bare(args[1], args[2], args[3])
	}
	o, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	// Before the measurement, not after it: that would be a pity.
	samples, err := createSamples(o.json, stdout)
	if err != nil {
		return fmt.Errorf("write the samples: %w", err)
	}
	defer func() { err = errors.Join(err, samples.Close()) }()

	// Our footprint hides that of the tools, and there is time for collecting.
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	r, failed := measure(ctx, o, stderr)
	if r == nil {
		return failed
	}
	if o.json != "-" {
		if err := r.writeTable(stdout); err != nil {
			return errors.Join(failed, err)
		}
	}
	return errors.Join(failed, r.writeJSON(samples))
}

// A result of a run can be printed.
type printable interface {
	writeTable(w io.Writer) error
	writeJSON(w io.Writer) error
}

var (
	_ printable = (*report)(nil)
	_ printable = (*figures)(nil)
)

// measure returns nil with an error where there is nothing to print.
func measure(ctx context.Context, o options, log io.Writer) (printable, error) {
	if o.catalog || o.more {
		f, err := measureFigures(ctx, o, log)
		if f == nil {
			return nil, err
		}
		return f, err
	}
	r, err := measureAll(ctx, o, log)
	if r == nil {
		return nil, err
	}
	return r, err
}

// createSamples opens what -json names.
func createSamples(file string, stdout io.Writer) (io.WriteCloser, error) {
	switch file {
	case "":
		return keptOpen{io.Discard}, nil
	case "-":
		return keptOpen{stdout}, nil
	}
	return os.Create(file)
}

// keptOpen is a writer that is for somebody else to close.
type keptOpen struct{ io.Writer }

func (keptOpen) Close() error { return nil }

// exitCode turns the end of a run into that of the process.
func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "phlb-bench: interrupted")
		return 130
	}
	fmt.Fprintf(stderr, "phlb-bench: %v\n", err)
	return 1
}
