package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/runtime"
)

// finish says how it all ended, and returns the exit code.
func (c *command) finish(ctx context.Context, err error) int {
	code := c.exitCode(ctx, err)
	message := c.message(code, err)
	if c.session != nil {
		for _, s := range c.session.Made() {
			c.info("%s: %s", s.Ref(), engine.Summarize(&s.Header, &s.Summary))
		}
		for _, r := range c.session.Removals() {
			c.info("%s", removed(r))
		}
	}
	if c.document {
		if err := c.writeDocument(code, message); err != nil && code == 0 {
			code, message = 1, fmt.Sprintf("write the result: %v", err)
		}
	}
	if message != "" {
		c.warn("%s", message)
	}
	return code
}

// exitCode is the one place where outcomes become numbers.
func (c *command) exitCode(ctx context.Context, err error) int {
	var usage *runtime.UsageError
	var failed *runtime.Error
	var setting *config.Error
	switch {
	case err == nil:
		return c.found()
	case ctx.Err() != nil:
		return 130
	case errors.As(err, &usage), errors.As(err, &setting), errors.As(err, &failed) && failed.Compile:
		return 2
	}
	return 1
}

// found is the exit code of a script that ran to its end: 4 if a check found
// damage, 3 if something of a source could not be read, 5 if a snapshot was
// found to be too old.
func (c *command) found() int {
	code := 0
	if c.session == nil {
		return code
	}
	if c.session.Stale() {
		code = 5
	}
	for _, s := range c.session.Made() {
		if !s.Complete() {
			code = 3
		}
	}
	for _, r := range c.session.Reports() {
		switch {
		case r.OK():
		case r.Snapshot != nil:
			return 4
		default:
			code = 3
		}
	}
	return code
}

// message says what went wrong, "" if nothing did.
func (c *command) message(code int, err error) string {
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
	return failed.Detail()
}
