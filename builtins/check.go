package builtins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/runtime"
)

// CheckResult is what came of a question that a script, or phlb.toml, has asked about a
// backup.
type CheckResult struct {
	Name     string   `json:"name"`     // of the backup; "" if it is about none
	Snapshot string   `json:"snapshot"` // NAME/STAMP; "" likewise
	OK       bool     `json:"ok"`
	Fail     bool     `json:"fail"` // where it is not OK, the run fails
	Message  string   `json:"message"`
	Expected string   `json:"expected"`
	Rows     int64    `json:"rows"`
	Found    []string `json:"found"` // the first value, or some of the rows that should not be
	Error    string   `json:"error,omitempty"`
}

// foundAtMost is how many rows are told of that should not be.
const foundAtMost = 5

// patience is how long a check of phlb.toml may take.
const patience = time.Minute

// String says in a line what is wrong.
func (r *CheckResult) String() string {
	text := r.Message
	if r.Snapshot != "" {
		text = r.Snapshot + ": " + text
	}
	switch {
	case r.Error != "":
		return text + ": " + r.Error
	case r.OK:
		return text + ": ok"
	case r.Expected == "none":
		text += ": " + strings.Join(r.Found, ", ")
		if more := r.Rows - int64(len(r.Found)); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		return text
	case len(r.Found) > 0:
		return fmt.Sprintf("%s: %s, expected %s", text, r.Found[0], r.Expected)
	}
	return fmt.Sprintf("%s: expected %s", text, r.Expected)
}

// Checks returns what came of the checks of this run.
func (s *Session) Checks() []*CheckResult { return s.checks }

// Withheld is a snapshot that was to be removed and was not, since a check of its name
// has failed.
type Withheld struct {
	Snapshot string `json:"snapshot"` // NAME/STAMP
	Checked  string `json:"checked"`  // of which the check failed, likewise; "" if it was about none
	Why      string `json:"why"`
	Before   bool   `json:"before"` // the check failed in an earlier run
}

// Withheld returns the snapshots that were not removed since a check has failed.
func (s *Session) Withheld() []Withheld { return s.withheld }

// held returns why snapshots of a name are not to be removed, nil if they may be: a
// check of this run has failed, or one of an earlier run has and none of this one
// has passed.
func (s *Session) held(ctx context.Context, name string) (*Withheld, error) {
	s.mu.Lock()
	passed := false
	for _, r := range s.checks {
		switch {
		case !r.Fail || r.Name != "" && r.Name != name:
		case r.OK:
			passed = passed || r.Name == name
		default:
			s.mu.Unlock()
			return &Withheld{Checked: r.Snapshot, Why: r.Message}, nil
		}
	}
	s.mu.Unlock()
	if passed {
		return nil, nil
	}
	hold, err := s.Engine.Held(ctx, name)
	if err != nil || hold == nil {
		return nil, err
	}
	return &Withheld{Checked: hold.Snapshot.String(), Why: hold.Why, Before: true}, nil
}

// withhold returns the snapshots that may be removed, and notes the others.
func (s *Session) withhold(ctx context.Context, snapshots []*engine.Snapshot) (free []*engine.Snapshot, err error) {
	holds := map[string]*Withheld{}
	for _, snapshot := range snapshots {
		hold, known := holds[snapshot.Name]
		if !known {
			if hold, err = s.held(ctx, snapshot.Name); err != nil {
				return nil, err
			}
			holds[snapshot.Name] = hold
		}
		if hold == nil {
			free = append(free, snapshot)
			continue
		}
		kept := *hold
		kept.Snapshot = snapshot.Ref().String()
		s.mu.Lock()
		s.withheld = append(s.withheld, kept)
		s.mu.Unlock()
	}
	return free, nil
}

// accept has removals of these snapshots' names go on, whatever a check has found.
func (s *Session) accept(ctx context.Context, snapshots []*engine.Snapshot) error {
	seen := map[string]bool{}
	for _, snapshot := range snapshots {
		if seen[snapshot.Name] {
			continue
		}
		seen[snapshot.Name] = true
		hold, err := s.Engine.Held(ctx, snapshot.Name)
		if err != nil {
			return err
		}
		if hold == nil {
			continue
		}
		if err := s.Engine.NoteVerdict(ctx, hold.Snapshot, engine.Verdict{Failed: hold.Why, Accepted: true}); err != nil {
			return err
		}
	}
	return nil
}

// remember has the root know what came of a check, for removals by later runs: that
// it has failed, or that one has passed where an earlier one had failed.
func (s *Session) remember(ctx context.Context, of *engine.Snapshot, r *CheckResult) error {
	if of == nil || !r.Fail || s.Engine.DryRun() {
		return nil
	}
	hold, err := s.Engine.Held(ctx, of.Name)
	if err != nil {
		return err
	}
	switch {
	case !r.OK && (hold == nil || hold.Snapshot != of.Ref()):
		return s.Engine.NoteVerdict(ctx, of.Ref(), engine.Verdict{Failed: strings.TrimPrefix(r.String(), r.Snapshot+": ")})
	case r.OK && hold != nil && hold.Snapshot != of.Ref() && s.isLater(ctx, of, hold):
		return s.Engine.NoteVerdict(ctx, of.Ref(), engine.Verdict{})
	}
	return nil
}

// isLater reports whether a snapshot was begun after the one that a hold is of, or
// that is gone.
func (s *Session) isLater(ctx context.Context, of *engine.Snapshot, hold *engine.Hold) bool {
	held, err := s.Engine.Snapshot(ctx, hold.Snapshot.String())
	return err != nil || of.Started.After(held.Started)
}

func (s *Session) checkQueryBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "check_query",
		Signature: `check_query(sql, *args, expect="none", fail=False, message=None, snapshot=None, **named)`,
		Doc:       `whether the answer is "none" or "some" rows, or its first value as in "< 0.3"; with fail, the run ends with status 6 if not, and nothing of that name is removed until such a check passes`,
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			c := config.Check{}
			var of *engine.Snapshot
			var err error
			kwargs = slices.DeleteFunc(slices.Clone(kwargs), func(pair starlark.Tuple) bool {
				value := pair[1]
				switch text(pair[0]) {
				case "sql":
					if len(args) == 0 {
						args = starlark.Tuple{value}
						return true
					}
					err = errors.Join(err, runtime.Usagef("check_query: sql is given twice"))
				case "expect":
					err = errors.Join(err, expectation(value, &c.Expect))
				case "fail":
					c.Fail = bool(value.Truth())
				case "message":
					c.Message = text(value)
				case "snapshot":
					if value == starlark.None {
						break
					}
					found, failed := s.find(thread, value)
					of, err = found, errors.Join(err, failed)
				default:
					return false
				}
				return true
			})
			if err != nil {
				return nil, err
			}
			if of == nil {
				s.mu.Lock()
				if n := len(s.made); n > 0 {
					of = s.made[n-1]
				}
				s.mu.Unlock()
			}
			ctx := runtime.Context(thread)
			offered, err := s.offered(ctx, of)
			if err != nil {
				return nil, err
			}
			q, err := s.question(fn.Name(), args, kwargs, offered)
			if err != nil {
				return nil, err
			}
			if c.Query, _ = starlark.AsString(args[0]); c.Query == "" {
				return nil, runtime.Usagef("check_query: missing argument for sql")
			}
			r, err := s.check(ctx, &c, q, of)
			if err != nil {
				return nil, fmt.Errorf("check_query: %w", err)
			}
			return checkAttributes.record("check", r), nil
		},
	}
}

func text(v starlark.Value) string {
	s, _ := starlark.AsString(v)
	return s
}

func expectation(v starlark.Value, to *config.Expectation) (err error) {
	plain, err := toGo(v)
	if err == nil {
		*to, err = config.ParseExpectation(plain)
	}
	if err != nil {
		return runtime.Usagef("check_query: expect: %v", err)
	}
	return nil
}

// offered returns what a check can ask for by name, about a snapshot.
func (s *Session) offered(ctx context.Context, of *engine.Snapshot) (map[string]any, error) {
	if of == nil {
		return nil, nil
	}
	before, err := s.Engine.Before(ctx, of)
	if err != nil {
		return nil, err
	}
	values := map[string]any{"name": of.Name, "snapshot": int64(of.ID), "previous": nil}
	if before != nil {
		values["previous"] = int64(before.ID)
	}
	return values, nil
}

// check asks a question and notes what came of it.
func (s *Session) check(ctx context.Context, c *config.Check, q *question, of *engine.Snapshot) (*CheckResult, error) {
	r := &CheckResult{Fail: c.Fail, Message: c.Message, Expected: c.Expect.String(), Found: []string{}}
	if r.Message == "" {
		r.Message = strings.Join(strings.Fields(c.Query), " ")
	}
	if of != nil {
		r.Name, r.Snapshot = of.Name, of.Ref().String()
	}
	answer, err := s.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	var first any
	for values, err := range answer.All {
		if err != nil {
			return nil, err
		}
		if r.Rows++; r.Rows == 1 {
			first = values[0]
		}
		if len(r.Found) < foundAtMost && (r.Rows == 1 || c.Expect.OnlyRows()) {
			v, err := fromGo(values[0])
			if err != nil {
				return nil, err
			}
			r.Found = append(r.Found, shownValue(v))
		}
	}
	r.OK = c.Expect.Met(r.Rows, first)
	s.noteCheck(r)
	answer.Close() // before anything is published
	return r, s.remember(ctx, of, r)
}

func shownValue(v starlark.Value) string {
	if s, ok := starlark.AsString(v); ok {
		return engine.Text(s)
	}
	return v.String()
}

func (s *Session) noteCheck(r *CheckResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checks = append(s.checks, r)
}

// checkBackup asks what phlb.toml has asked after each backup. A check that cannot
// be asked has failed: somebody relies on it.
func (s *Session) checkBackup(ctx context.Context, made *engine.Snapshot) error {
	checks := slices.DeleteFunc(slices.Clone(s.Engine.Config.Checks), func(c config.Check) bool { return !c.Of(made.Name) })
	if len(checks) == 0 {
		return nil // and the catalog is not opened once more
	}
	offered, err := s.offered(ctx, made)
	if err != nil {
		return err
	}
	for i := range checks {
		c := &checks[i]
		limited, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %v", patience))
		q, err := s.question("check", starlark.Tuple{starlark.String(c.Query)}, nil, offered)
		if err == nil {
			_, err = s.check(limited, c, q, made)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = context.Cause(limited)
		}
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r := &CheckResult{
				Name: made.Name, Snapshot: made.Ref().String(), Fail: c.Fail, Message: cmp.Or(c.Message, c.Query),
				Expected: c.Expect.String(), Found: []string{}, Error: err.Error(),
			}
			s.noteCheck(r)
			if err := s.remember(ctx, made, r); err != nil {
				return err
			}
		}
	}
	return nil
}

var checkAttributes = attributes[*CheckResult]{
	"ok":       boolOf("whether the answer was as expected", func(r *CheckResult) bool { return r.OK }),
	"message":  textOf("what the check is about, in words", func(r *CheckResult) string { return r.Message }),
	"expected": textOf("what was expected", func(r *CheckResult) string { return r.Expected }),
	"rows":     intOf("how many rows the answer had", func(r *CheckResult) int64 { return r.Rows }),
	"found": valueOf("list", "the first value of the answer, as text, or of rows that should not be some of them", func(r *CheckResult) starlark.Value {
		list := make([]starlark.Value, len(r.Found))
		for i, f := range r.Found {
			list[i] = starlark.String(f)
		}
		return starlark.NewList(list)
	}),
}
