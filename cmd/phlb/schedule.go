package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"phlb/cmd/phlb/schedule"
	"phlb/cmd/phlb/show"
)

func (c *command) schedule() *cobra.Command {
	var when schedule.Times
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
			defer func() { c.metrics = "" }() // those of the job, not of this run
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
			if own == 2 && when.Weekly != "" && !strings.Contains(when.Weekly, " ") { // --weekly Mon 02:00
				when.Weekly += " " + args[1]
				args = append(args[:1:1], args[2:]...)
				own--
			}
			if own != 1 {
				return usagef("usage: %s", usage)
			}
			at, err := when.Moment()
			if err != nil {
				return err
			}
			j, err := c.newJob(cmd, args[0], args[1:], name)
			if err != nil {
				return err
			}
			j.Moment, j.When = at, at.String()
			return c.addJob(ctx, j, show || c.dryRun, force)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&when.Daily, "daily", "", "every day at that time, such as 02:00")
	flags.BoolVar(&when.Hourly, "hourly", false, "every hour")
	flags.StringVar(&when.Weekly, "weekly", "", "every week at that day and time, such as 'Mon 02:00'")
	flags.DurationVar(&when.Every, "every", 0, "at an interval such as 15m or 4h, which divides an hour or a day")
	flags.StringVar(&name, "name", "", "the name of the schedule; that of the script by default")
	flags.BoolVar(&show, "print", false, "only show what would be written")
	flags.BoolVar(&force, "force", false, "replace a schedule of that name")
	flags.BoolVar(&list, "list", false, "list what is scheduled")
	flags.StringVar(&remove, "remove", "", "remove the schedule of that name")
	cmd.RegisterFlagCompletionFunc("remove", func(cmd *cobra.Command, _ []string, typed string) (found []string, _ cobra.ShellCompDirective) {
		jobs, _ := schedulers().List(cmd.Context())
		for _, j := range jobs {
			if strings.HasPrefix(j.Name, typed) {
				found = append(found, j.Name)
			}
		}
		return found, noFile
	})
	return cmd
}

// newJob makes a job of a script and its arguments, which must fit.
func (c *command) newJob(cmd *cobra.Command, file string, args []string, called string) (*schedule.Job, error) {
	name, err := c.fit(cmd.Context(), append([]string{"exec", file}, args...))
	if err != nil {
		return nil, err
	}
	j := &schedule.Job{Name: called}
	if j.Dir, err = os.Getwd(); err != nil {
		return nil, err
	}
	arg := stem(file) // of a policy of phlb's own
	if name == file {
		arg = file // of a module
	} else if strings.HasPrefix(name, "@"+strangers+"//") {
		return nil, usagef("%s is run in a sandbox, which only plans: phlb mod add declares its module, and then schedule @NAME//FILE.star", file)
	}
	if !strings.HasPrefix(name, "@") {
		if arg, err = filepath.Abs(name); err != nil {
			return nil, err
		}
	}
	if j.Name == "" {
		j.Name = jobName(arg)
	} else if schedule.NameOf(j.Name) != j.Name {
		return nil, usagef("--name: %q may hold only letters, digits, - and _", j.Name)
	}
	program, err := ownPath()
	if err != nil {
		return nil, err
	}
	settings, err := settingFlags(cmd)
	if err != nil {
		return nil, err
	}
	j.Argv = append(append(append([]string{program, "exec"}, settings...), arg), args...)
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, "PHLB_") {
			j.Env = append(j.Env, variable)
		}
	}
	j.Command = show.Printable(shellescape.QuoteCommand(j.Argv[2:]))
	return j, nil
}

// fit returns the script of a command line, which must be right.
func (c *command) fit(ctx context.Context, args []string) (name string, err error) {
	then := &command{console: newConsole(c.stdout, c.stderr)} // what args say is not of this run
	root := then.root(nil)
	then.peek, then.quiet, then.backupPath = true, true, c.backupPath
	if err := then.prepare(ctx, root, args); err != nil {
		return "", err
	}
	cmd, args, err := root.Find(args)
	if err != nil {
		return "", err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(args); err != nil {
		return "", flagError(cmd, err)
	}
	if help, _ := cmd.Flags().GetBool("help"); help {
		return "", usagef("--help is nothing to schedule")
	}
	_, _, err = then.script.Values(cmd.Flags().Args())
	return then.script.name, err
}

// settingFlags returns the global flags by which a run now would differ from one
// of the job.
func settingFlags(cmd *cobra.Command) (flags []string, err error) {
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Changed || slices.Contains([]string{"dry-run", "json", "new-root", "now"}, f.Name) {
			return
		}
		values := []string{f.Value.String()}
		switch list, several := f.Value.(pflag.SliceValue); {
		case several:
			values = list.GetSlice()
		case f.Name == "backup-path", f.Name == "metrics":
			path, failed := filepath.Abs(values[0])
			values[0], err = path, errors.Join(err, failed)
		}
		for _, value := range values {
			flags = append(flags, "--"+f.Name+"="+value)
		}
	})
	return flags, err
}

// jobName makes a name of what a script is called; one that backs up its folder
// has the name of that.
func jobName(script string) string {
	name := stem(script)
	if filepath.Base(script) == helperName {
		name = filepath.Base(filepath.Dir(script))
	}
	return schedule.NameOf(name)
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

func (c *command) addJob(ctx context.Context, j *schedule.Job, show, force bool) error {
	if show {
		plan, err := schedulers().Plan(ctx, j)
		if err != nil {
			return err
		}
		return c.writeText(plan)
	}
	note, err := schedulers().Add(ctx, j, force)
	if err != nil {
		return err
	}
	c.info("%s is scheduled: %s", j.Name, j.When)
	if note != "" {
		c.info("%s", note)
	}
	if c.json {
		return c.writeJSON(j)
	}
	return nil
}

func (c *command) listJobs(ctx context.Context) error {
	all, err := schedulers().List(ctx)
	switch {
	case err != nil:
		return err
	case c.json:
		return c.writeJSON(all)
	case len(all) == 0:
		c.info("nothing is scheduled")
		return nil
	}
	t := show.Table{Columns: []show.Column{{Title: "NAME"}, {Title: "WHEN"}, {Title: "COMMAND"}}}
	for _, j := range all {
		t.Add(j.Name, j.When, j.Command)
	}
	return c.writeTable(&t)
}

func (c *command) removeJob(ctx context.Context, name string) error {
	name = strings.TrimPrefix(name, "phlb-")
	if err := schedulers().Remove(ctx, name, c.dryRun); err != nil {
		return err
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

func schedulers() schedule.Schedulers {
	home := homeDir() // without one there is nothing of the user's
	return schedule.Here(home, userConfig())
}
