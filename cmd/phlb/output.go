package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"go.starlark.net/starlark"

	"phlb/builtins"
	"phlb/cmd/phlb/show"
	"phlb/engine"
	"phlb/runtime"
)

// document is what --json says of the run of a script.
type document struct {
	Snapshots []*engine.Snapshot      `json:"snapshots"` // that were made
	Reports   []*engine.Report        `json:"reports"`   // of verify and add
	Removals  []*engine.Removal       `json:"removals"`  // of snapshots
	Restores  []*engine.Restored      `json:"restores"`
	Checks    []*builtins.CheckResult `json:"checks,omitempty"`   // questions that were asked about a backup
	Withheld  []builtins.Withheld     `json:"withheld,omitempty"` // that were to be removed, and were not
	DryRun    bool                    `json:"dry_run,omitempty"`
	Plan      []builtins.Planned      `json:"plan,omitempty"`      // of a dry run: what it has left out
	PlanEnds  string                  `json:"plan_ends,omitempty"` // why the plan does not go on
	Result    any                     `json:"result"`              // what main returned
	Totals    map[string]int64        `json:"totals,omitempty"`    // of a table that main returned
	Error     string                  `json:"error,omitempty"`
	ExitCode  int                     `json:"exit_code"`
}

func (c *command) writeDocument(code int, message string, planEnds bool) error {
	d := document{
		Snapshots: append([]*engine.Snapshot{}, c.session.Made()...), // [] and not null
		Reports:   append([]*engine.Report{}, c.session.Reports()...),
		Removals:  append([]*engine.Removal{}, c.session.Removals()...),
		Restores:  append([]*engine.Restored{}, c.session.Restores()...),
		Checks:    c.session.Checks(), Withheld: c.session.Withheld(),
		DryRun: c.dryRun, Plan: c.session.Plan(),
		Result: c.result, Totals: c.totals, Error: message, ExitCode: code,
	}
	if planEnds {
		d.PlanEnds, d.Error = message, ""
	}
	return c.writeJSON(d)
}

// writeResult writes what main returns.
func (c *command) writeResult(v starlark.Value) (err error) {
	if s, ok := v.(show.Stream); ok {
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
		if t, ok := v.(*builtins.Table); ok && len(t.Totals) > 0 {
			c.totals = map[string]int64{}
			for _, total := range t.Totals {
				c.totals[total.Name] = total.Value
			}
		}
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
		return c.writeValues(v)
	case *starlark.List, starlark.Tuple:
		return c.writeList(v.(starlark.Iterable))
	}
	c.returned = v
	_, err = fmt.Fprintln(c.out(), c.shown(text(v)))
	return err
}

// shown returns a text of a script as it is, or harmless where it might hide
// what phlb says.
func (c *command) shown(text string) string {
	if c.dryRun || isTerminal(c.stdout) {
		return runtime.Harmless(text)
	}
	return text
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
	return c.writeRestores()
}

// writeRestores writes what the script has restored and not returned, of one that
// ended in an error what it had restored by then.
func (c *command) writeRestores() error {
	if c.json {
		return nil
	}
	to := c.out()
	if c.returned != nil {
		to = c.err()
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

func (c *command) writeStream(s show.Stream) error {
	for v, err := range s.All() {
		if err != nil {
			return err
		}
		line := c.shown(text(v))
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
		return c.writeTable(show.Snapshots(all, c.now))
	}
	_, err := io.WriteString(c.out(), c.shown(lines.String()))
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
	_, err := fmt.Fprintln(c.out(), c.shown(s.Path))
	return err
}

func (c *command) writeValues(rows *builtins.Table) error {
	c.returned = rows
	if rows.Len() == 0 {
		if !c.session.Stale() { // which is told apart
			c.info("nothing to show")
		}
		return nil
	}
	t, err := show.Values(rows)
	if err != nil {
		return err
	}
	if err := c.writeTable(t); err != nil || len(rows.Totals) == 0 {
		return err
	}
	_, err = fmt.Fprintln(c.out(), show.Totals(rows.Totals))
	return err
}

// writeReport writes a report; of what is only planned, nothing was looked at.
func (c *command) writeReport(to io.Writer, r *engine.Report) error {
	plan := c.dryRun && (r.Snapshot == nil || c.session.Engine.Planned(r.Snapshot))
	if (c.quiet || plan) && r.OK() {
		return nil
	}
	_, err := io.WriteString(to, show.Report(r, coloured(to)))
	return err
}

func (c *command) writeRestored(to io.Writer, r *engine.Restored) error {
	if (c.quiet || r.Dry) && r.OK() {
		return nil
	}
	_, err := io.WriteString(to, show.Restored(r, coloured(to)))
	return err
}
