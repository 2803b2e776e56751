// Package metrics keeps a file of the numbers of each backup in the text format
// of Prometheus, for the textfile collector of its node_exporter.
//
// What ends a run calls [Run.Write] once. Several runs may do so at the same
// time: each changes what it knows of and keeps the rest. The format is written
// by hand: Prometheus' own library would bring a registry and its protocol along
// for the dozen lines that are needed here, and cannot keep what it did not make.
package metrics

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/engine/publish"
)

// metric is a number about each backup name, in the text format of Prometheus.
type metric struct {
	name, help string
	of         func(*engine.Snapshot) float64
}

var metrics = []metric{
	{"phlb_last_success_timestamp_seconds", "Start of the newest complete snapshot.",
		func(s *engine.Snapshot) float64 { return seconds(s.Started) }},
	{"phlb_snapshot_timestamp_seconds", "Start of the newest snapshot.",
		func(s *engine.Snapshot) float64 { return seconds(s.Started) }},
	{"phlb_snapshot_duration_seconds", "How long the newest snapshot took.",
		func(s *engine.Snapshot) float64 { return s.Finished.Sub(s.Started).Seconds() }},
	{"phlb_snapshot_files", "Regular files in the newest snapshot.",
		func(s *engine.Snapshot) float64 { return float64(s.Files) }},
	{"phlb_snapshot_bytes", "Sizes of all files in the newest snapshot.",
		func(s *engine.Snapshot) float64 { return float64(s.Bytes) }},
	{"phlb_snapshot_new_bytes", "Bytes that the newest snapshot added to the backup root.",
		func(s *engine.Snapshot) float64 { return float64(s.NewBytes) }},
	{"phlb_snapshot_errors", "Entries of the source that the newest snapshot misses.",
		func(s *engine.Snapshot) float64 { return float64(s.Errors) }},
	{"phlb_verify_problems", "Problems that the last verification found.", nil},
}

const (
	lastSuccess    = "phlb_last_success_timestamp_seconds"
	verifyProblems = "phlb_verify_problems"
)

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// samples are the values of metrics by backup name.
type samples map[string]map[string]float64

func (s samples) set(metric, name string, value float64) {
	if s[metric] == nil {
		s[metric] = map[string]float64{}
	}
	s[metric][name] = value
}

// Run is how a run ended, and what it made and checked.
type Run struct {
	ExitCode int
	Ended    time.Time
	Made     []*engine.Snapshot
	Checked  map[string]*engine.Snapshot // by name: the newest complete one, nil if there is none
	Reports  []*engine.Report
}

// patience is for how long a run waits for others that write to the same file,
// which take moments.
const patience = time.Minute

// Write puts the run into the file at path. What the file holds of other names
// stays, and so does the last success where this run had none: a metric that
// vanishes alarms nobody.
func (r *Run) Write(path string) error {
	// The lock is a file of its own, which stays: the other one is replaced. Its
	// name has another ending, so that a collector does not take it for metrics.
	lock := flock.New(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock"), flock.SetPermissions(0o666))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := lock.TryLockContext(ctx, 10*time.Millisecond)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s is locked by another phlb", path)
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) { // where there are no locks, nobody else should write
		return err
	}
	defer lock.Unlock()
	known, err := readSamples(path)
	if err != nil {
		return err
	}
	r.measure(known)
	if err := publish.WriteFile(path, []byte(r.text(known)), 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o644) // its readers are other users
}

func (r *Run) text(known samples) string {
	var b strings.Builder
	known.write(&b)
	gauge(&b, "phlb_exit_code", "How the last run ended: 0 all well, 1 failed, 2 usage, 3 files unread, 4 damage, 5 too old, 130 interrupted.")
	fmt.Fprintf(&b, "phlb_exit_code %d\n", r.ExitCode)
	gauge(&b, "phlb_run_timestamp_seconds", "End of the last run.")
	fmt.Fprintf(&b, "phlb_run_timestamp_seconds %s\n", number(seconds(r.Ended)))
	return b.String()
}

func gauge(b *strings.Builder, name, help string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
}

func (known samples) write(b *strings.Builder) {
	for _, m := range metrics {
		perName(b, m.name, m.help, known[m.name])
	}
}

// perName writes a number about each backup name, and nothing where there are none.
func perName(b *strings.Builder, metric, help string, values map[string]float64) {
	if len(values) > 0 {
		gauge(b, metric, help)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(b, "%s{name=\"%s\"} %s\n", metric, escapeLabel.Replace(name), number(values[name]))
	}
}

// measure adds what the run has made and checked.
func (r *Run) measure(known samples) {
	for _, s := range r.Made {
		for _, m := range metrics {
			if m.of != nil && (m.name != lastSuccess || s.Complete()) {
				known.set(m.name, s.Name, m.of(s))
			}
		}
	}
	for name, s := range r.Checked {
		if s != nil {
			known.set(lastSuccess, name, seconds(s.Started))
		}
	}
	for _, report := range r.Reports {
		if report.Snapshot != nil {
			found, _, _ := report.Counts()
			known.set(verifyProblems, report.Snapshot.Name, float64(found))
		}
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

var (
	escapeLabel   = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	unescapeLabel = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")
	sampleLine    = regexp.MustCompile(`^(phlb_\w+)\{name="((?:[^"\\]|\\.)*)"\} (\S+)$`)
)

// maxFile is how large a file of metrics may be.
const maxFile = 16 << 20

// readSamples reads what an earlier run has written.
func readSamples(path string) (samples, error) {
	known := samples{}
	text, err := config.ReadRegular(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		parts := sampleLine.FindStringSubmatch(lines.Text())
		if parts == nil {
			continue
		}
		if value, err := strconv.ParseFloat(parts[3], 64); err == nil {
			known.set(parts[1], unescapeLabel.Replace(parts[2]), value)
		}
	}
	return known, lines.Err()
}
