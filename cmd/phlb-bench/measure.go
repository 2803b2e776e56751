package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A sample is what one measured run took. Where it has several commands, times
// add up and the peak is that of the largest.
type sample struct {
	Wall time.Duration `json:"wall_ns"`
	CPU  time.Duration `json:"cpu_ns"`     // user and system
	Peak int64         `json:"peak_bytes"` // 0 where the system does not tell
}

// commands runs programs in a surrounding of their own.
type commands struct {
	dir    string
	env    []string
	stderr string // a file: a pipe would be one more process to wait for
}

// newCommands prepares a surrounding inside work that keeps the user's own
// configuration, caches and repositories out of the measurement, and the
// measurement out of them.
func newCommands(work string) (*commands, error) {
	home := filepath.Join(work, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	// An empty file ends the search for a configuration that may lie above.
	if err := os.WriteFile(filepath.Join(work, "phlb.toml"), nil, 0o600); err != nil {
		return nil, err
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		for _, prefix := range []string{"BORG_", "PHLB_", "RESTIC_", "RSYNC_"} {
			if strings.HasPrefix(v, prefix) {
				return true
			}
		}
		return false
	})
	return &commands{
		dir: work,
		env: append(env, "LC_ALL=C", "HOME="+home, "USERPROFILE="+home,
			"XDG_CONFIG_HOME="+filepath.Join(home, "config"), "XDG_CACHE_HOME="+filepath.Join(home, "cache"),
			"XDG_DATA_HOME="+filepath.Join(home, "data"),
			// No root is to be missed: what is measured is deleted between the rounds.
			"XDG_STATE_HOME="+os.DevNull),
		stderr: filepath.Join(work, "stderr"),
	}, nil
}

// measure runs one command after the other and says what they took together.
func (c *commands) measure(ctx context.Context, argv [][]string, env []string) (sample, error) {
	var total sample
	for _, args := range argv {
		s, err := c.one(ctx, args, env)
		if err != nil {
			return sample{}, err
		}
		total.Wall += s.Wall
		total.CPU += s.CPU
		total.Peak = max(total.Peak, s.Peak)
	}
	return total, nil
}

func (c *commands) one(ctx context.Context, args, env []string) (sample, error) {
	stderr, err := os.Create(c.stderr)
	if err != nil {
		return sample{}, err
	}
	defer stderr.Close()

	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stderr = c.dir, slices.Concat(c.env, env), stderr
	// Interrupted rather than killed, a tool takes its own children along.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second

	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if ctx.Err() != nil {
		return sample{}, ctx.Err()
	}
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w%s", strings.Join(args, " "), err, c.complaint())
	}
	state := cmd.ProcessState
	return sample{Wall: wall, CPU: state.UserTime() + state.SystemTime(), Peak: peakMemory(state)}, nil
}

// complaint is the last line of what the last command had to say.
func (c *commands) complaint() string {
	data, err := os.ReadFile(c.stderr)
	data = bytes.TrimSpace(data)
	if err != nil || len(data) == 0 {
		return ""
	}
	return ": " + string(data[bytes.LastIndexByte(data, '\n')+1:])
}

// output is what a command prints, "" if it cannot be run.
func (c *commands) output(ctx context.Context, args ...string) string {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = c.dir, c.env
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// floor is the peak of a command that needs next to nothing: no child can be
// seen to have had less. It is 0 where that cannot be told.
func (c *commands) floor(ctx context.Context) int64 {
	s, err := c.one(ctx, []string{"true"}, nil)
	if err != nil {
		return 0
	}
	return s.Peak
}

// median is the middle one, or the lower of the two in the middle.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
