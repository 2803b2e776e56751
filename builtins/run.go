package builtins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"

	"phlb/runtime"
)

const (
	// runTimeout is how long a program may take if the script does not say.
	runTimeout = 10 * time.Minute
	// maxOutput is how much of each output of a program is kept.
	maxOutput = 8 << 20
)

func (s *Session) runBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "run",
		Signature: `run(argv, check=True, stdin="", env={}, dir=None, timeout="10m")`,
		Doc:       "run a program without a shell, where --allow-run permits it; returns .code .stdout .stderr .timed_out",
		Effect:    true,
		Kind:      "run",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var argv stringList
			var stdin string
			var dir optional
			check := true
			env := &starlark.Dict{}
			limit := duration(runTimeout)
			if err := runtime.Unpack(fn.Name(), args, kwargs, "argv", &argv, "check?", &check,
				"stdin?", &stdin, "env?", &env, "dir?", &dir, "timeout?", &limit); err != nil {
				return nil, err
			}
			if len(argv) == 0 {
				return nil, runtime.Usagef("run: argv is empty")
			}
			path, err := s.permitRun(argv[0])
			if err != nil {
				return nil, err
			}
			variables := s.Environ[:len(s.Environ):len(s.Environ)]
			for _, item := range env.Items() {
				name, ok := starlark.AsString(item[0])
				value, ok2 := starlark.AsString(item[1])
				if !ok || !ok2 {
					return nil, runtime.Usagef("run: env has %v = %v in it, want strings", item[0], item[1])
				}
				if err := permitVariable(name); err != nil {
					return nil, err
				}
				variables = append(variables, name+"="+value)
			}
			if s.Engine.DryRun() {
				s.planned("run", "%s", strings.Join(argv, " "))
				answer := &unknown{thread: thread, of: argv[0], names: ranAttributes.names()}
				if check { // else the script does not go on
					answer.known = starlark.StringDict{"code": starlark.MakeInt(0), "timed_out": starlark.False}
				}
				return answer, nil
			}
			ctx, cancel := context.WithTimeoutCause(runtime.Context(thread), time.Duration(limit), errTimeout)
			defer cancel()
			cmd := exec.CommandContext(ctx, path, argv[1:]...)
			cmd.Args[0] = argv[0]
			cmd.Dir = s.Engine.Expand(string(dir))
			cmd.Stdin = strings.NewReader(stdin)
			cmd.Env = variables
			var stdout, stderr limited
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			cmd.WaitDelay = 5 * time.Second // for what it has started itself
			endGroup(cmd)
			err = cmd.Run()
			timedOut := errors.Is(context.Cause(ctx), errTimeout)
			var exit *exec.ExitError
			switch {
			case err == nil, errors.As(err, &exit), timedOut:
			case runtime.Context(thread).Err() != nil:
				return nil, context.Cause(runtime.Context(thread))
			default:
				return nil, fmt.Errorf("run %s: %w", argv[0], err)
			}
			code := cmd.ProcessState.ExitCode()
			if check && (code != 0 || timedOut) {
				return nil, failedRun(argv[0], code, timedOut, time.Duration(limit), stderr.String())
			}
			return ran{code, stdout.String(), stderr.String(), timedOut}.value(), nil
		},
	}
}

var errTimeout = errors.New("the time limit has passed")

func failedRun(program string, code int, timedOut bool, limit time.Duration, stderr string) error {
	what := fmt.Sprintf("exit status %d", code)
	if timedOut {
		what = fmt.Sprintf("was stopped after %v", limit)
	}
	const hint = "check=False returns this instead of failing"
	switch lines := said(strings.TrimSpace(stderr)); {
	case len(lines) > 1:
		return fmt.Errorf("run %s: %s, and %s; it said:\n    %s", program, what, hint, strings.Join(lines, "\n    "))
	case lines[0] != "":
		what += ": " + lines[0]
	}
	return fmt.Errorf("run %s: %s; %s", program, what, hint)
}

// said returns the lines of what a program said, fit to be shown: the first
// ones, which often name the cause, and the last ones.
func said(text string) []string {
	const most, head = 40, 30
	lines := strings.Split(text, "\n")
	if n := len(lines); n > most {
		left := fmt.Sprintf("… %d lines …", n-most)
		lines = slices.Concat(lines[:head], []string{left}, lines[n-(most-head):])
	}
	for i, line := range lines {
		lines[i] = runtime.Shown(strings.TrimRight(line, "\r"))
	}
	return lines
}

// ran is how a program has ended.
type ran struct {
	code           int
	stdout, stderr string
	timedOut       bool
}

var ranAttributes = attributes[ran]{
	"code":      intOf("the exit status of the program", func(r ran) int { return r.code }),
	"stdout":    textOf("what the program wrote to its standard output", func(r ran) string { return r.stdout }),
	"stderr":    textOf("what the program wrote to its standard error", func(r ran) string { return r.stderr }),
	"timed_out": boolOf("whether the program was stopped for taking too long", func(r ran) bool { return r.timedOut }),
}

func (r ran) value() starlark.Value { return ranAttributes.record("ran", r) }

// limited keeps the beginning of what is written to it.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	l.Buffer.Write(p[:min(len(p), maxOutput-l.Len())])
	return len(p), nil
}

// duration unpacks a time.duration, or text such as "90s".
type duration time.Duration

var _ starlark.Unpacker = (*duration)(nil)

// Unpack implements [starlark.Unpacker].
func (d *duration) Unpack(v starlark.Value) error {
	switch v := v.(type) {
	case startime.Duration:
		*d = duration(v)
	case starlark.String:
		parsed, err := parseDuration(string(v))
		if err != nil {
			return fmt.Errorf(`%s is no duration such as "90s", "10m" or "2d"`, v)
		}
		*d = duration(parsed)
	default:
		return fmt.Errorf(`got %s, want a duration such as "90s"`, v.Type())
	}
	if *d <= 0 {
		return errors.New("a duration has to be more than nothing")
	}
	return nil
}

// parseDuration also takes days and weeks, of 24 hours each.
func parseDuration(text string) (time.Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(text, suffix); ok {
			n, err := strconv.ParseFloat(number, 64)
			return time.Duration(n * float64(unit)), err
		}
	}
	return time.ParseDuration(text)
}
