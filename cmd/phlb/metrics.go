package main

import (
	"bufio"
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

	"phlb/engine"
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

// writeMetrics puts into the file of --metrics how the run has ended and what it
// has made and checked. What the file holds of other names stays, and so does
// the last success where this run had none: a metric that vanishes alarms nobody.
func (c *command) writeMetrics(code int) error {
	if c.metrics == "" || c.dryRun || !c.ran && code == 0 {
		return nil
	}
	known, err := readSamples(c.metrics)
	if err != nil {
		return err
	}
	if c.session != nil {
		c.measure(known)
	}
	var b strings.Builder
	gauge := func(name, help string) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	}
	for _, m := range metrics {
		if len(known[m.name]) > 0 {
			gauge(m.name, m.help)
		}
		for _, name := range slices.Sorted(maps.Keys(known[m.name])) {
			fmt.Fprintf(&b, "%s{name=\"%s\"} %s\n", m.name, escapeLabel.Replace(name), number(known[m.name][name]))
		}
	}
	gauge("phlb_exit_code", "How the last run ended: 0 all well, 1 failed, 2 usage, 3 files unread, 4 damage, 5 too old, 130 interrupted.")
	fmt.Fprintf(&b, "phlb_exit_code %d\n", code)
	gauge("phlb_run_timestamp_seconds", "End of the last run.")
	fmt.Fprintf(&b, "phlb_run_timestamp_seconds %s\n", number(seconds(time.Now())))
	return replaceFile(c.metrics, b.String())
}

// measure adds what the script has made and checked.
func (c *command) measure(known samples) {
	for _, s := range c.session.Made() {
		for _, m := range metrics {
			if m.of != nil && (m.name != lastSuccess || s.Complete()) {
				known.set(m.name, s.Name, m.of(s))
			}
		}
	}
	for name, s := range c.session.Checked() {
		if s != nil {
			known.set(lastSuccess, name, seconds(s.Started))
		}
	}
	for _, r := range c.session.Reports() {
		if r.Snapshot != nil {
			found, _, _ := r.Counts()
			known.set(verifyProblems, r.Snapshot.Name, float64(found))
		}
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

var (
	escapeLabel   = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	unescapeLabel = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")
	sampleLine    = regexp.MustCompile(`^(phlb_\w+)\{name="((?:[^"\\]|\\.)*)"\} (\S+)$`)
)

// readSamples reads what an earlier run has written.
func readSamples(path string) (samples, error) {
	known := samples{}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
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

// replaceFile writes a file in a single step: its readers see the old text or
// the new one. They are other users.
func replaceFile(path, text string) error {
	// Not *.prom, which a collector would take for another file of metrics.
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Chmod(0o644)
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	return err
}
