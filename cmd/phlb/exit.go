package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"phlb/builtins"
	"phlb/cmd/phlb/metrics"
	"phlb/engine"
	"phlb/engine/config"
	"phlb/runtime"
)

// finish says how it all ended, and returns the exit code.
func (c *command) finish(ctx context.Context, err error) int {
	code := c.exitCode(ctx, err)
	message, whole := c.message(code, err, (*runtime.Error).Detail), c.message(code, err, (*runtime.Error).Whole)
	if c.dryRun && message != "" { // the plan has the last word, whatever a script says
		c.warn("%s", message)
	}
	if c.session != nil {
		c.sumUp()
	}
	if c.document {
		if err := c.writeDocument(code, whole, errors.Is(err, builtins.ErrUnplanned)); err != nil && code == 0 {
			code, message = 1, fmt.Sprintf("write the result: %v", err)
		}
	}
	if code == 0 && c.failed != nil { // as of a help, which nobody asks
		code, message = 1, c.failed.Error()
		whole = message
	}
	if c.json && !c.document && !c.wrote && message != "" {
		c.writeJSON(failure{whole, code}) // where stdout is shut, the code tells
	}
	if !c.dryRun && message != "" {
		c.warn("%s", message)
	}
	if (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) && !errors.Is(err, engine.ErrOpenFiles) {
		c.warn("%v", engine.ErrOpenFiles)
	}
	if c.session != nil && !c.dryRun && (code == 1 || code == 2 || code == 130) {
		for _, s := range c.session.Made() {
			c.warn("%s is sealed all the same", s.Ref())
		}
	}
	if err := c.writeMetrics(code); err != nil {
		c.warn("write the metrics: %v", err)
		if code == 0 {
			code = 1
		}
	}
	return code
}

// writeMetrics writes the file of --metrics.
func (c *command) writeMetrics(code int) error {
	if c.metrics == "" || c.dryRun || !c.ran && code == 0 {
		return nil
	}
	run := metrics.Run{ExitCode: code, Ended: time.Now()}
	if c.session != nil {
		run.Made, run.Checked, run.Reports = c.session.Made(), c.session.Checked(), c.session.Reports()
	}
	return run.Write(c.metrics)
}

// failure is what --json says where there is nothing else to say.
type failure struct {
	Error    string `json:"error"`
	ExitCode int    `json:"exit_code"`
}

// sumUp says what the script has done, or in a dry run has left out.
func (c *command) sumUp() {
	for _, r := range c.session.Checks() {
		switch {
		case r.OK && c.verbose == 0:
		case r.OK:
			c.info("check of %s", runtime.Shown(r.String()))
		case r.Fail:
			c.warn("check failed: %s", runtime.Shown(r.String()))
		default:
			c.warn("warning: check of %s", runtime.Shown(r.String()))
		}
	}
	var now []string
	before := map[string][]string{} // by the snapshot of which a check failed
	for _, kept := range c.session.Withheld() {
		if !kept.Before {
			now = append(now, kept.Snapshot)
			continue
		}
		if before[kept.Checked] == nil {
			c.warn("a check of %s failed, and none has passed since: %s; make a backup that passes, or give --despite-checks", kept.Checked, runtime.Shown(kept.Why))
		}
		before[kept.Checked] = append(before[kept.Checked], kept.Snapshot)
	}
	for _, checked := range slices.Sorted(maps.Keys(before)) {
		now = append(now, before[checked]...)
	}
	if len(now) > 0 {
		c.warn("not removed, since a check failed: %s", strings.Join(now, ", "))
	}
	for _, p := range c.session.Plan() {
		c.info("would %s %s", verbOf(p.Effect), runtime.Shown(p.What))
	}
	if c.dryRun {
		return
	}
	for _, s := range c.session.Made() {
		c.info("%s: %s", s.Ref(), engine.Summarize(&s.Header, &s.Summary))
	}
	for _, r := range c.session.Removals() {
		c.info("removed %v", r)
	}
}

// verbOf says in a word what a builtin does.
func verbOf(effect string) string {
	switch effect {
	case "link":
		return "seal"
	case "http":
		return "send"
	}
	return effect
}

// exitCode is the one place where outcomes become numbers.
func (c *command) exitCode(ctx context.Context, err error) int {
	var usage *runtime.UsageError
	var failed *runtime.Error
	var setting *config.Error
	switch {
	case err == nil, errors.Is(err, builtins.ErrUnplanned): // nothing failed, and the plan says how far it goes
		return c.found()
	case ctx.Err() != nil, errors.Is(err, context.Canceled): // a session may hear of a signal first
		return 130
	case errors.As(err, &usage), errors.As(err, &setting), errors.As(err, &failed) && (failed.Compile || failed.Fault),
		errors.Is(err, engine.ErrNeedsName), errors.Is(err, engine.ErrName):
		return 2
	}
	return 1
}

// found is the exit code of a script that ran to its end: 4 if a check, an
// adoption or a restore found damage, 1 if something could not be restored for
// another reason, 3 if something of a source could not be read, 6 if a check that
// is to fail has not found what was expected, 5 if a snapshot was found to be too
// old.
func (c *command) found() int {
	code := 0
	if c.session == nil {
		return code
	}
	if c.session.Stale() {
		code = 5
	}
	for _, r := range c.session.Checks() {
		if !r.OK && r.Fail {
			code = 6
		}
	}
	if len(c.session.Withheld()) > 0 {
		code = 6
	}
	if c.session.Unread() {
		code = 3
	}
	for _, s := range c.session.Made() {
		if !s.Complete() {
			code = 3
		}
	}
	for _, r := range c.session.Reports() {
		switch {
		case r.OK():
		case r.Damaged():
			return 4
		default:
			code = 3
		}
	}
	for _, r := range c.session.Restores() {
		for _, p := range r.Problems {
			switch p.What {
			case engine.Unwritable, engine.Denied, engine.InTheWay:
				code = 1
			default:
				return 4
			}
		}
	}
	return code
}

// message says what went wrong, "" if nothing did.
func (c *command) message(code int, err error, detail func(*runtime.Error) string) string {
	var failed *runtime.Error
	switch {
	case err == nil:
		return ""
	case code == 130 && errors.Is(err, engine.ErrUnsealed):
		return "interrupted: " + engine.ErrUnsealed.Error()
	case code == 130:
		return "interrupted"
	case !errors.As(err, &failed):
		return strings.ReplaceAll(err.Error(), "\n", "\nphlb: ")
	case c.stock && !failed.Compile && c.verbose == 0:
		return strings.TrimPrefix(failed.Problems[0].Msg, "fail: ") // where in our script is no news
	}
	return detail(failed)
}
