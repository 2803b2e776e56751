package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"go.starlark.net/starlark"

	"phlb/builtins"
	"phlb/engine"
)

// document is what --json says of the run of a script.
type document struct {
	Snapshots []*engine.Snapshot `json:"snapshots"` // that were made
	Reports   []*engine.Report   `json:"reports"`   // of verify and add
	Removals  []*engine.Removal  `json:"removals"`  // of snapshots
	Restores  []*engine.Restored `json:"restores"`
	DryRun    bool               `json:"dry_run,omitempty"`
	Plan      []builtins.Planned `json:"plan,omitempty"` // of a dry run: what it has left out
	Result    any                `json:"result"`         // what main returned
	Error     string             `json:"error,omitempty"`
	ExitCode  int                `json:"exit_code"`
}

func (c *command) writeDocument(code int, message string) error {
	return c.writeJSON(document{
		Snapshots: append([]*engine.Snapshot{}, c.session.Made()...), // [] and not null
		Reports:   append([]*engine.Report{}, c.session.Reports()...),
		Removals:  append([]*engine.Removal{}, c.session.Removals()...),
		Restores:  append([]*engine.Restored{}, c.session.Restores()...),
		DryRun:    c.dryRun, Plan: c.session.Plan(),
		Result: c.result, Error: message, ExitCode: code,
	})
}

// stream is a result that is written as it comes.
type stream interface {
	All() iter.Seq2[starlark.Value, error]
}

// writeResult writes what main returns.
func (c *command) writeResult(v starlark.Value) (err error) {
	if s, ok := v.(stream); ok {
		c.document, c.returned = false, v // JSON is one per element instead
		return c.writeStream(s)
	}
	if list, ok := v.(*starlark.List); ok && list.Len() == 0 && c.stock {
		root := c.session.Engine.Config.BackupPath
		if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", root, engine.ErrNoRoot)
		}
	}
	if c.json {
		c.result, err = builtins.Plain(v)
		return err
	}
	switch v := v.(type) {
	case starlark.NoneType:
		return nil
	case *builtins.Snapshot:
		c.returned = v.Snapshot
		return c.writeSnapshot(v.Snapshot)
	case *builtins.Report:
		c.returned = v.Report
		return c.writeReport(c.out(), v.Report)
	case *builtins.Restored:
		c.returned = v.Restored
		return c.writeRestored(c.out(), v.Restored)
	case *builtins.Table:
		return c.writeTable(v)
	case *starlark.List, starlark.Tuple:
		return c.writeList(v.(starlark.Iterable))
	}
	c.returned = v
	_, err = fmt.Fprintln(c.out(), text(v))
	return err
}

// writeMade writes what the script has made and checked but not returned: in
// the place of a result where there is none, else to stderr, where the
// snapshots are summed up anyway.
func (c *command) writeMade() error {
	if c.json {
		return nil
	}
	to := c.err()
	if c.returned == nil {
		to = c.out()
		for _, s := range c.session.Made() {
			if err := c.writeSnapshot(s); err != nil {
				return err
			}
		}
	}
	for _, r := range c.session.Reports() {
		if c.returned != r {
			if err := c.writeReport(to, r); err != nil {
				return err
			}
		}
	}
	for _, r := range c.session.Restores() {
		if c.returned != r {
			if err := c.writeRestored(to, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *command) writeStream(s stream) error {
	for v, err := range s.All() {
		if err != nil {
			return err
		}
		line := text(v)
		if c.json {
			plain, err := builtins.Plain(v)
			if err != nil {
				return err
			}
			encoded, err := json.Marshal(plain)
			if err != nil {
				return err
			}
			line = string(encoded)
		}
		if _, err := fmt.Fprintln(c.out(), line); err != nil {
			return err
		}
	}
	return nil
}

// writeList writes snapshots as a table, and anything else line by line.
func (c *command) writeList(list starlark.Iterable) error {
	c.returned = list
	var all []*engine.Snapshot
	var lines strings.Builder
	n := 0
	for v := range starlark.Elements(list) {
		if s, ok := v.(*builtins.Snapshot); ok {
			all = append(all, s.Snapshot)
		}
		lines.WriteString(text(v) + "\n")
		n++
	}
	if n == 0 && c.stock {
		c.info("no snapshots found in %s", c.session.Engine.Config.BackupPath)
	}
	if n > 0 && len(all) == n {
		return c.writeSnapshots(all)
	}
	_, err := io.WriteString(c.out(), lines.String())
	return err
}

// text returns a value as a user would write it.
func text(v starlark.Value) string {
	if s, ok := starlark.AsString(v); ok {
		return s
	}
	return v.String()
}

// writeSnapshot writes where a snapshot is.
func (c *command) writeSnapshot(s *engine.Snapshot) error {
	if c.quiet || c.session.Engine.Planned(s) {
		return nil
	}
	_, err := fmt.Fprintln(c.out(), s.Path)
	return err
}

func (c *command) writeSnapshots(all []*engine.Snapshot) error {
	t := table{columns: []column{
		{title: "NAME"}, {title: "WHEN", drop: 1}, {title: "AGE", right: true, drop: 4}, {title: "FILES", right: true, drop: 2},
		{title: "SIZE", right: true, drop: 5}, {title: "NEW", right: true, drop: 3}, {title: "STATUS", words: true},
	}}
	for _, s := range all {
		status := "complete"
		if !s.Complete() {
			status = count(s.Errors, "error")
		}
		t.add(printable(s.Ref().String()), minute(s.Started), age(c.now.Sub(s.Started)),
			humanize.Comma(s.Files), humanize.IBytes(uint64(s.Bytes)), humanize.IBytes(uint64(s.NewBytes)), status)
	}
	return c.writeColumns(&t)
}

// age writes how old something is, in its largest unit.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{365 * day, "y"}, {7 * day, "w"}, {day, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= u.length {
			return fmt.Sprintf("%d %s", d/u.length, u.name)
		}
	}
	return "now"
}

// writeReport writes the problems, one per line, and what was looked at; of what
// is only planned, nothing was.
func (c *command) writeReport(to io.Writer, r *engine.Report) error {
	plan := c.dryRun && (r.Snapshot == nil || c.session.Engine.Planned(r.Snapshot))
	if (c.quiet || plan) && r.OK() {
		return nil
	}
	var b strings.Builder
	c.writeProblems(&b, to, r.Problems)
	if r.Snapshot != nil {
		fmt.Fprintf(&b, "%s: %s, %s read back: %s\n", r.Snapshot.Ref(), count(r.Files, "file"), humanize.IBytes(uint64(r.Bytes)), r.Verdict())
	} else {
		for _, s := range r.Added {
			fmt.Fprintln(&b, s.Path)
		}
		fmt.Fprintf(&b, "%s added, %d forgotten; %s linked, %s saved: %s\n", count(int64(len(r.Added)), "snapshot"), r.Removed,
			count(r.Linked, "duplicate"), humanize.IBytes(uint64(r.Saved)), r.Verdict())
	}
	_, err := io.WriteString(to, b.String())
	return err
}

// writeRestored writes the problems, one per line, and what was restored.
func (c *command) writeRestored(to io.Writer, r *engine.Restored) error {
	if (c.quiet || r.Dry) && r.OK() {
		return nil
	}
	var b strings.Builder
	c.writeProblems(&b, to, r.Problems)
	if !r.Dry {
		fmt.Fprintf(&b, "%s: %v\n", printable(r.To), r)
	}
	_, err := io.WriteString(to, b.String())
	return err
}

// writeProblems writes to b what is going to be shown on to.
func (c *command) writeProblems(b *strings.Builder, to io.Writer, problems []engine.Problem) {
	for _, p := range problems {
		p.Path, p.What = printable(p.Path), paint(to, red, p.What)
		fmt.Fprintln(b, p)
	}
}
