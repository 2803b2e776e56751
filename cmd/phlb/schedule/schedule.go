// Package schedule has the system run scripts at certain times: as a systemd
// timer of the user's, in the crontab, with launchd on macOS, with the Task
// Scheduler on Windows.
//
// [Here] returns what the machine has for that. A [Job] is written there by
// [Schedulers.Add] and known again by its name; what others have scheduled is
// never touched. The package does not start anything by itself, and does not
// look into the script of a job.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"phlb/runtime"
)

// Job is a script that is run at certain times.
type Job struct {
	Name    string   `json:"name"`    // one that CheckName takes
	When    string   `json:"when"`    // Moment as a user writes it: "daily 02:00"
	Command string   `json:"command"` // for people to read
	Moment  Moment   `json:"-"`
	Dir     string   `json:"-"` // in which it runs
	Argv    []string `json:"-"` // with absolute paths
	Env     []string `json:"-"`
}

// unit is the name of a job outside of phlb.
func (j *Job) unit() string { return prefix + j.Name }

const prefix = "phlb-"

// NameOf makes the name of a job of any text.
func NameOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, text)
}

// scheduler is what starts jobs.
type scheduler interface {
	// plan writes what add would do.
	plan(w io.Writer, j *Job) error
	// add returns what else to know of the job, "" if that is nothing.
	add(ctx context.Context, j *Job) (note string, err error)
	list(ctx context.Context) ([]Job, error)
	// remove reports whether there was such a job.
	remove(ctx context.Context, name string) (bool, error)
	// available says why the scheduler cannot be used, nil if it can.
	available(ctx context.Context) error
}

// Schedulers are those of a machine, the one to prefer first.
type Schedulers []scheduler

// Here returns the schedulers of this platform, for the user whose home folder
// and folder of configuration are these.
func Here(home, config string) Schedulers {
	switch goruntime.GOOS {
	case "windows":
		return Schedulers{taskScheduler(filepath.Join(config, "phlb", "schedule"))}
	case "darwin":
		return Schedulers{launchd(filepath.Join(home, "Library", "LaunchAgents"))}
	case "linux":
		return Schedulers{systemd(filepath.Join(config, "systemd", "user")), crontab{}}
	}
	return Schedulers{crontab{}}
}

// choose returns the first that can be used.
func (all Schedulers) choose(ctx context.Context) (scheduler, error) {
	var problems []string
	for _, s := range all {
		err := s.available(ctx)
		if err == nil {
			return s, nil
		}
		problems = append(problems, err.Error())
	}
	return nil, fmt.Errorf("nothing here starts scripts at certain times: %s", strings.Join(problems, "; "))
}

// Plan returns what Add would write and run, also where nothing can be used.
func (all Schedulers) Plan(ctx context.Context, j *Job) (string, error) {
	s, err := all.choose(ctx)
	if err != nil {
		s = all[0]
	}
	var plan strings.Builder
	err = s.plan(&plan, j)
	return plan.String(), err
}

// Add schedules a job, and returns what else to know of it, "" if that is
// nothing. One that is called so already is replaced only with force.
func (all Schedulers) Add(ctx context.Context, j *Job, force bool) (note string, err error) {
	s, err := all.choose(ctx)
	if err != nil {
		return "", err
	}
	for _, other := range all {
		jobs, err := other.list(ctx)
		if err != nil {
			return "", err
		}
		for _, there := range jobs {
			if there.Name != j.Name {
				continue
			}
			if !force {
				return "", runtime.Usagef("%s is scheduled already (%s: %s): choose another --name, or --force to replace it",
					j.Name, there.When, there.Command)
			}
			if _, err := other.remove(ctx, j.Name); err != nil {
				return "", err
			}
		}
	}
	if note, err = s.add(ctx, j); err != nil {
		err = fmt.Errorf("schedule %s: %w", j.Name, err)
	}
	return note, err
}

// List returns the jobs of all schedulers; with an error, those of the others.
func (all Schedulers) List(ctx context.Context) (jobs []Job, err error) {
	jobs = []Job{}
	for _, s := range all {
		found, failed := s.list(ctx)
		jobs, err = append(jobs, found...), errors.Join(err, failed)
	}
	return jobs, err
}

// Remove removes the job of that name, or only reports whether there is one.
func (all Schedulers) Remove(ctx context.Context, name string, dry bool) error {
	removed := false
	for _, s := range all {
		var was bool
		var err error
		if dry {
			var jobs []Job
			jobs, err = s.list(ctx)
			was = slices.ContainsFunc(jobs, func(j Job) bool { return j.Name == name })
		} else {
			was, err = s.remove(ctx, name)
		}
		if err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		removed = removed || was
	}
	if !removed || NameOf(name) != name {
		return runtime.Usagef("nothing is scheduled as %q: phlb schedule --list", name)
	}
	return nil
}
