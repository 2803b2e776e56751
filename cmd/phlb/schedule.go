package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"phlb/runtime"
)

// job is a script that is run at certain times.
type job struct {
	Name    string   `json:"name"`
	When    string   `json:"when"`    // as a user writes it: "daily 02:00"
	Command string   `json:"command"` // for people to read
	moment  moment   // of When
	dir     string   // in which it runs
	argv    []string // with absolute paths
	env     []string
}

// unit is the name of a job outside of phlb.
func (j *job) unit() string { return "phlb-" + j.Name }

// scheduler is what starts jobs.
type scheduler interface {
	// plan writes what add would do.
	plan(w io.Writer, j *job) error
	add(ctx context.Context, j *job) error
	list(ctx context.Context) ([]job, error)
	// remove reports whether there was such a job.
	remove(ctx context.Context, name string) (bool, error)
	// available says why the scheduler cannot be used, nil if it can.
	available(ctx context.Context) error
}

func (c *command) schedule() *cobra.Command {
	var when times
	var name, remove string
	var list, show, force bool
	usage := "phlb schedule FILE.star [--daily 02:00 | …] [-- ARGUMENT ...], phlb schedule --list, or phlb schedule --remove NAME"
	cmd := &cobra.Command{
		Use:   "schedule FILE.star [-- ARGUMENT ...]",
		Short: "Run a script at certain times.",
		Long: "Have the system run a script at certain times, in the folder that is the working\n" +
			"directory now: as a systemd timer of the user's, in the crontab where there is\n" +
			"no systemd, with launchd on macOS, with the Task Scheduler on Windows. A run\n" +
			"that was missed is made up for where the system can do that.\n\n" +
			"The script is found as by phlb exec; what follows -- are its arguments, among\n" +
			"which the global flags may stand.",
		Example: "  phlb schedule documents.star --daily 02:00 --metrics /var/lib/node/phlb.prom\n" +
			"  phlb schedule backup --name music --weekly 'Mon 02:00' -- ~/Music --tag weekly\n" +
			"  phlb schedule --list",
		ValidArgsFunction: c.completeScript,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			metrics := c.metrics
			c.metrics = "" // those of the job, not of this run
			switch {
			case list && len(args) == 0 && remove == "":
				return c.listJobs(ctx)
			case remove != "" && len(args) == 0 && !list:
				return c.removeJob(ctx, remove)
			case list || remove != "" || len(args) == 0:
				return usagef("usage: %s", usage)
			}
			own := len(args)
			if n := cmd.ArgsLenAtDash(); n >= 0 {
				own = n
			}
			if own == 2 && when.weekly != "" && !strings.Contains(when.weekly, " ") { // --weekly Mon 02:00
				when.weekly += " " + args[1]
				args = append(args[:1:1], args[2:]...)
				own--
			}
			if own != 1 {
				return usagef("usage: %s", usage)
			}
			at, err := when.moment()
			if err != nil {
				return err
			}
			j, err := c.newJob(cmd, args[0], args[1:], name, metrics)
			if err != nil {
				return err
			}
			j.moment, j.When = at, at.String()
			return c.addJob(ctx, j, show || c.dryRun, force)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&when.daily, "daily", "", "every day at that time, such as 02:00")
	flags.BoolVar(&when.hourly, "hourly", false, "every hour")
	flags.StringVar(&when.weekly, "weekly", "", "every week at that day and time, such as 'Mon 02:00'")
	flags.DurationVar(&when.every, "every", 0, "again and again, such as 15m or 4h: what divides an hour or a day")
	flags.StringVar(&name, "name", "", "what to call it; after the script by default")
	flags.BoolVar(&show, "print", false, "only show what would be written")
	flags.BoolVar(&force, "force", false, "replace what is called so already")
	flags.BoolVar(&list, "list", false, "list what is scheduled")
	flags.StringVar(&remove, "remove", "", "remove what is called so")
	cmd.RegisterFlagCompletionFunc("remove", func(cmd *cobra.Command, _ []string, typed string) (found []string, _ cobra.ShellCompDirective) {
		for _, s := range c.schedulers() {
			jobs, _ := s.list(cmd.Context())
			for _, j := range jobs {
				if strings.HasPrefix(j.Name, typed) {
					found = append(found, j.Name)
				}
			}
		}
		return found, noFile
	})
	return cmd
}

// newJob makes a job of a script and its arguments, which must fit.
func (c *command) newJob(cmd *cobra.Command, file string, args []string, name, metrics string) (*job, error) {
	quiet := c.quiet
	c.quiet = true // locate tells what is run, and nothing is
	script, err := c.locate(file)
	c.quiet = quiet
	if err != nil {
		return nil, err
	}
	loaded, err := c.load(cmd, script)
	if err != nil {
		return nil, err
	}
	then := &command{console: newConsole(c.stdout, c.stderr)} // what args say is not of this run
	own, err := then.globals(then.root(nil), args)
	if err != nil {
		return nil, err
	}
	if _, _, err := loaded.Bind(own); errors.Is(err, runtime.ErrHelp) {
		return nil, usagef("--help is nothing to schedule")
	} else if err != nil {
		return nil, err
	}
	j := &job{Name: name}
	if j.dir, err = os.Getwd(); err != nil {
		return nil, err
	}
	arg := stem(file) // of a policy of phlb's own
	if !strings.HasPrefix(script, "@") {
		if arg, err = filepath.Abs(script); err != nil {
			return nil, err
		}
	}
	if j.Name == "" {
		j.Name = jobName(arg)
	} else if jobName(j.Name) != j.Name {
		return nil, usagef("--name: %q may hold only letters, digits, - and _", j.Name)
	}
	program, err := ownPath()
	if err != nil {
		return nil, err
	}
	settings, err := c.settingFlags(metrics)
	if err != nil {
		return nil, err
	}
	j.argv = append(append(append([]string{program, "exec"}, settings...), arg), args...)
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, "PHLB_") {
			j.env = append(j.env, variable)
		}
	}
	var words []string
	for _, word := range j.argv[2:] {
		words = append(words, shellShown(word))
	}
	j.Command = strings.Join(words, " ")
	return j, nil
}

// shellShown writes a word as it may be typed into a shell, on one line.
func shellShown(word string) string {
	switch {
	case printable(word) != word:
		return printable(word)
	case word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.,:/+@%=", r)
	}):
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// settingFlags returns the global flags by which a run now would differ from one
// of the job.
func (c *command) settingFlags(metrics string) (flags []string, err error) {
	if c.backupPath != "" {
		path, err := filepath.Abs(c.backupPath)
		if err != nil {
			return nil, err
		}
		flags = append(flags, "--backup-path", path)
	}
	if metrics != "" {
		path, err := filepath.Abs(metrics)
		if err != nil {
			return nil, err
		}
		flags = append(flags, "--metrics", path)
	}
	for _, is := range []struct {
		flag  string
		given bool
	}{{"--wait", c.wait}, {"--quiet", c.quiet}, {"-v", c.verbose == 1}, {"-vv", c.verbose > 1}} {
		if is.given {
			flags = append(flags, is.flag)
		}
	}
	for _, list := range []struct {
		flag   string
		values []string
	}{{"--allow-run", c.allow.Run}, {"--allow-net", c.allow.Net}, {"--allow-env", c.allow.Env}} {
		for _, value := range list.values {
			flags = append(flags, list.flag, value)
		}
	}
	return flags, nil
}

// jobName makes a name of what a script is called; one that backs up its folder
// has the name of that.
func jobName(script string) string {
	name := stem(script)
	if filepath.Base(script) == helperName {
		name = filepath.Base(filepath.Dir(script))
	}
	return strings.Map(func(r rune) rune {
		if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)) || r == '_' {
			return r
		}
		return '-'
	}, name)
}

// ownPath returns the path of this program, by the name that an upgrade keeps.
func ownPath() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	if found, err := exec.LookPath("phlb"); err == nil {
		a, errA := os.Stat(own)
		b, errB := os.Stat(found)
		if errA == nil && errB == nil && os.SameFile(a, b) {
			own = found
		}
	}
	return filepath.Abs(own)
}

func (c *command) addJob(ctx context.Context, j *job, show, force bool) error {
	s, err := c.choose(ctx, show)
	if err != nil {
		return err
	}
	if show {
		var plan strings.Builder
		if err := s.plan(&plan, j); err != nil {
			return err
		}
		return c.writeText(plan.String())
	}
	for _, other := range c.schedulers() {
		jobs, err := other.list(ctx)
		if err != nil {
			return err
		}
		for _, there := range jobs {
			if there.Name != j.Name {
				continue
			}
			if !force {
				return usagef("%s is scheduled already (%s: %s): choose another --name, or --force to replace it", j.Name, there.When, there.Command)
			}
			if _, err := other.remove(ctx, j.Name); err != nil {
				return err
			}
		}
	}
	if err := s.add(ctx, j); err != nil {
		return fmt.Errorf("schedule %s: %w", j.Name, err)
	}
	c.info("%s is scheduled: %s", j.Name, j.When)
	if c.json {
		if err := c.writeJSON(j); err != nil {
			return err
		}
	}
	if m, ok := s.(*manager); ok && m.note != nil {
		if note := m.note(); note != "" {
			c.info("%s", note)
		}
	}
	return nil
}

// choose returns the scheduler to use, for a look at its plan even if there is
// none.
func (c *command) choose(ctx context.Context, show bool) (scheduler, error) {
	all := c.schedulers()
	var problems []string
	for _, s := range all {
		err := s.available(ctx)
		if err == nil {
			return s, nil
		}
		problems = append(problems, err.Error())
	}
	if show {
		return all[0], nil
	}
	return nil, fmt.Errorf("nothing here starts scripts at certain times: %s", strings.Join(problems, "; "))
}

func (c *command) listJobs(ctx context.Context) error {
	all := []job{}
	for _, s := range c.schedulers() {
		jobs, err := s.list(ctx)
		if err != nil {
			return err
		}
		all = append(all, jobs...)
	}
	if c.json {
		return c.writeJSON(all)
	}
	if len(all) == 0 {
		c.info("nothing is scheduled")
		return nil
	}
	t := table{columns: []column{{title: "NAME"}, {title: "WHEN"}, {title: "COMMAND"}}}
	for _, j := range all {
		t.add(j.Name, j.When, j.Command)
	}
	return c.writeColumns(&t)
}

func (c *command) removeJob(ctx context.Context, name string) error {
	name = strings.TrimPrefix(name, "phlb-")
	if jobName(name) != name {
		return usagef("nothing is scheduled as %q: phlb schedule --list", name)
	}
	removed := false
	for _, s := range c.schedulers() {
		remove := s.remove
		if c.dryRun {
			remove = func(ctx context.Context, name string) (bool, error) {
				jobs, err := s.list(ctx)
				return slices.ContainsFunc(jobs, func(j job) bool { return j.Name == name }), err
			}
		}
		was, err := remove(ctx, name)
		if err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		removed = removed || was
	}
	if !removed {
		return usagef("nothing is scheduled as %q: phlb schedule --list", name)
	}
	if c.dryRun {
		c.info("would remove %s", name)
	} else {
		c.info("%s is no longer scheduled", name)
	}
	if c.json {
		return c.writeJSON(map[string]string{"removed": name})
	}
	return nil
}

// schedulers are those of this platform, the one to prefer first.
func (c *command) schedulers() []scheduler {
	switch goruntime.GOOS {
	case "windows":
		return []scheduler{taskScheduler()}
	case "darwin":
		return []scheduler{launchd()}
	case "linux":
		return []scheduler{systemd(), crontab{}}
	}
	return []scheduler{crontab{}}
}
