package schedule

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"phlb/engine/publish"
	"phlb/runtime"
)

// manager is a scheduler that reads jobs from files: systemd, launchd, the Task
// Scheduler.
type manager struct {
	name  string
	dir   string // of the files
	probe []string
	// files returns the files of a job by name. In the first stands what
	// described finds: "WHEN: COMMAND", escaped.
	files     func(*Job) ([]file, error)
	suffixes  []string // of the files; the first tells jobs
	described *regexp.Regexp
	unescape  func(string) string
	enable    func(unit, path string) [][]string // commands, after the first file was written to path
	disable   func(unit, path string) [][]string // before it is removed
	after     [][]string                         // commands after removal
	note      func() string                      // what else to know of a job that was added; nil: nothing
	hint      string                             // what to do where it is not available
}

var _ scheduler = (*manager)(nil)

// file is one to be written.
type file struct{ name, content string }

func (m *manager) available(ctx context.Context) error {
	if err := execute(ctx, m.probe, ""); err != nil {
		return fmt.Errorf("%s: %w; %s", m.name, err, m.hint)
	}
	return nil
}

// execute runs a program; its error says what that has written.
func execute(ctx context.Context, argv []string, stdin string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if said := strings.TrimSpace(string(out)); err != nil && said != "" {
		return fmt.Errorf("%s: %s", argv[0], strings.ReplaceAll(said, "\n", "; "))
	}
	return err
}

func (m *manager) path(unit string) string { return filepath.Join(m.dir, unit+m.suffixes[0]) }

func (m *manager) plan(w io.Writer, j *Job) error {
	files, err := m.files(j)
	if err != nil {
		return err
	}
	for _, f := range files {
		fmt.Fprintf(w, "# %s\n%s\n", filepath.Join(m.dir, f.name), f.content)
	}
	for _, argv := range m.enable(j.unit(), m.path(j.unit())) {
		fmt.Fprintln(w, "#", strings.Join(argv, " "))
	}
	return nil
}

func (m *manager) add(ctx context.Context, j *Job) (note string, err error) {
	files, err := m.files(j)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(m.dir, 0o777); err != nil {
		return "", err
	}
	for _, f := range files {
		if err := publish.WriteFile(filepath.Join(m.dir, f.name), []byte(f.content), 0o666); err != nil {
			return "", err
		}
	}
	for _, argv := range m.enable(j.unit(), m.path(j.unit())) {
		if err := execute(ctx, argv, ""); err != nil {
			return "", err
		}
	}
	if m.note != nil {
		note = m.note()
	}
	return note, nil
}

func (m *manager) list(context.Context) (all []Job, err error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		unit, ours := strings.CutSuffix(e.Name(), m.suffixes[0])
		name, named := strings.CutPrefix(unit, prefix)
		if !ours || !named {
			continue
		}
		content, err := os.ReadFile(filepath.Join(m.dir, e.Name()))
		if err != nil {
			return nil, err
		}
		j := Job{Name: name}
		if found := m.described.FindSubmatch(content); found != nil {
			j.When, j.Command, _ = strings.Cut(m.unescape(string(found[1])), ": ")
		}
		all = append(all, j)
	}
	return all, nil
}

func (m *manager) remove(ctx context.Context, name string) (bool, error) {
	unit := (&Job{Name: name}).unit()
	if _, err := os.Lstat(m.path(unit)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	var failed error
	for _, argv := range m.disable(unit, m.path(unit)) {
		failed = errors.Join(failed, execute(ctx, argv, ""))
	}
	for _, suffix := range m.suffixes {
		if err := os.Remove(filepath.Join(m.dir, unit+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return true, err
		}
	}
	if failed != nil { // without a session of the user's there is nothing to stop, but this is left
		os.Remove(filepath.Join(m.dir, "timers.target.wants", unit+m.suffixes[0]))
		return true, nil
	}
	for _, argv := range m.after {
		if err := execute(ctx, argv, ""); err != nil {
			return true, err
		}
	}
	return true, nil
}

// systemd starts jobs as timers of the user.
func systemd(dir string) *manager {
	return &manager{
		name:      "systemd",
		dir:       dir,
		probe:     []string{"systemctl", "--user", "show-environment"},
		files:     systemdFiles,
		suffixes:  []string{".timer", ".service"},
		described: regexp.MustCompile(`(?m)^Description=(.*)$`),
		unescape:  func(s string) string { return strings.ReplaceAll(strings.TrimPrefix(s, "phlb "), "%%", "%") },
		enable: func(unit, _ string) [][]string {
			return [][]string{{"systemctl", "--user", "daemon-reload"}, {"systemctl", "--user", "enable", "--now", unit + ".timer"}}
		},
		disable: func(unit, _ string) [][]string {
			return [][]string{{"systemctl", "--user", "disable", "--now", unit + ".timer"}}
		},
		after: [][]string{{"systemctl", "--user", "daemon-reload"}},
		note:  lingers,
		hint:  "log in as that user, or keep a session for it with loginctl enable-linger",
	}
}

// lingers says what becomes of the user's timers without a session of the
// user's.
func lingers() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join("/var/lib/systemd/linger", u.Username)); err == nil {
		return ""
	}
	return "it is run while you are logged in, and always after: loginctl enable-linger " + u.Username
}

func systemdFiles(j *Job) ([]file, error) {
	if strings.ContainsFunc(j.Dir, func(r rune) bool { return r < ' ' || r == utf8.RuneError }) ||
		strings.TrimRight(j.Dir, ` \`) != j.Dir { // there is no escape for these
		return nil, runtime.Usagef("systemd cannot run anything in a folder called %q: schedule it from another one", j.Dir)
	}
	percent := strings.NewReplacer("%", "%%")
	description := percent.Replace(fmt.Sprintf("phlb %s: %s", j.When, j.Command))
	service := "[Unit]\nDescription=" + description + "\n\n[Service]\nType=oneshot\nExecStart=" + unitWord(j.Argv[0], false)
	for _, arg := range j.Argv[1:] {
		service += " " + unitWord(arg, true)
	}
	service += "\nWorkingDirectory=" + percent.Replace(j.Dir) + "\n"
	for _, variable := range j.Env {
		service += "Environment=" + unitWord(variable, false) + "\n"
	}
	service += "Nice=19\nIOSchedulingClass=idle\n"
	timer := "[Unit]\nDescription=" + description + "\n\n[Timer]\nOnCalendar=" + j.Moment.calendar() +
		"\nPersistent=true\nRandomizedDelaySec=60\n\n[Install]\nWantedBy=timers.target\n"
	return []file{{j.unit() + ".timer", timer}, {j.unit() + ".service", service}}, nil
}

// unitWord quotes a word for a unit file, by hand: libraries that write units
// leave the quoting of words to their callers. systemd takes escapes, and
// replaces %x, and $X where it is an argument of a program.
func unitWord(word string, argument bool) string {
	var b strings.Builder
	for i := 0; i < len(word); {
		r, size := utf8.DecodeRuneInString(word[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < ' ', r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, word[i])
		case r == '"', r == '\\':
			b.WriteString(`\` + string(r))
		case r == '%', r == '$' && argument:
			b.WriteString(string(r) + string(r))
		default:
			b.WriteString(word[i : i+size])
		}
		i += size
	}
	return `"` + b.String() + `"`
}

// launchd starts jobs as agents of the user.
func launchd(dir string) *manager {
	return &manager{
		name:      "launchd",
		dir:       dir,
		probe:     []string{"launchctl", "list"},
		files:     func(j *Job) ([]file, error) { return []file{{j.unit() + ".plist", plist(j)}}, nil },
		suffixes:  []string{".plist"},
		described: regexp.MustCompile(`<key>PhlbJob</key>\s*<string>(.*)</string>`),
		unescape:  html.UnescapeString,
		enable:    func(_, path string) [][]string { return [][]string{{"launchctl", "load", "-w", path}} },
		disable:   func(_, path string) [][]string { return [][]string{{"launchctl", "unload", "-w", path}} },
		hint:      "log in as that user",
	}
}

func plist(j *Job) string {
	var b strings.Builder
	value := func(key, kind, text string) {
		fmt.Fprintf(&b, "  <key>%s</key>\n  <%s>%s</%s>\n", key, kind, text, kind)
	}
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` +
		"\n<plist version=\"1.0\">\n<dict>\n")
	value("Label", "string", xmlText(j.unit()))
	value("PhlbJob", "string", xmlText(j.When+": "+j.Command))
	argv := ""
	for _, arg := range j.Argv {
		argv += "<string>" + xmlText(arg) + "</string>"
	}
	value("ProgramArguments", "array", argv)
	value("WorkingDirectory", "string", xmlText(j.Dir))
	variables := ""
	for _, variable := range j.Env {
		name, text, _ := strings.Cut(variable, "=")
		variables += "<key>" + xmlText(name) + "</key><string>" + xmlText(text) + "</string>"
	}
	value("EnvironmentVariables", "dict", variables)
	if j.Moment.every > 0 {
		value("StartInterval", "integer", fmt.Sprint(int(j.Moment.every.Seconds())))
	} else {
		at := fmt.Sprintf("<key>Hour</key><integer>%d</integer><key>Minute</key><integer>%d</integer>", j.Moment.hour, j.Moment.minute)
		if j.Moment.day >= 0 {
			at += fmt.Sprintf("<key>Weekday</key><integer>%d</integer>", j.Moment.day)
		}
		value("StartCalendarInterval", "dict", at)
	}
	value("Nice", "integer", "19")
	b.WriteString("  <key>LowPriorityIO</key>\n  <true/>\n</dict>\n</plist>\n")
	return b.String()
}

func xmlText(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text)) // fails only where the buffer does
	return b.String()
}

// taskScheduler starts jobs on Windows.
func taskScheduler(dir string) *manager {
	return &manager{
		name:      "the Task Scheduler",
		dir:       dir,
		probe:     []string{"schtasks", "/Query", "/FO", "CSV", "/NH"},
		files:     func(j *Job) ([]file, error) { return []file{{j.unit() + ".xml", task(j)}}, nil },
		suffixes:  []string{".xml"},
		described: regexp.MustCompile(`<Description>(.*)</Description>`),
		unescape:  html.UnescapeString,
		enable: func(unit, path string) [][]string {
			return [][]string{{"schtasks", "/Create", "/F", "/TN", unit, "/XML", path}}
		},
		disable: func(unit, _ string) [][]string { return [][]string{{"schtasks", "/Delete", "/F", "/TN", unit}} },
		hint:    "run phlb as a user who may",
	}
}

// task is what the Task Scheduler reads. Of itself it would start nothing on a
// battery, stop what runs once the mains is gone, and end all after 72 hours.
func task(j *Job) string {
	const start = "2026-01-01T"
	trigger := fmt.Sprintf("<StartBoundary>%s%02d:%02d:00</StartBoundary>", start, j.Moment.hour, j.Moment.minute)
	schedule := "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>"
	if j.Moment.every > 0 {
		trigger = fmt.Sprintf("<Repetition><Interval>PT%dM</Interval><Duration>P1D</Duration></Repetition>", int(j.Moment.every.Minutes())) + trigger
	} else if j.Moment.day >= 0 {
		days := []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
		schedule = "<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek><" + days[j.Moment.day] + "/></DaysOfWeek></ScheduleByWeek>"
	}
	var args []string
	for _, arg := range j.Argv[1:] {
		args = append(args, windowsWord(arg))
	}
	return `<?xml version="1.0"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>` + xmlText(j.When+": "+j.Command) + `</Description></RegistrationInfo>
  <Triggers><CalendarTrigger>` + trigger + schedule + `</CalendarTrigger></Triggers>
  <Settings><StartWhenAvailable>true</StartWhenAvailable><MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy><Priority>9</Priority>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries><StopIfGoingOnBatteries>false</StopIfGoingOnBatteries><ExecutionTimeLimit>PT0S</ExecutionTimeLimit></Settings>
  <Actions><Exec>
    <Command>` + xmlText(j.Argv[0]) + `</Command>
    <Arguments>` + xmlText(strings.Join(args, " ")) + `</Arguments>
    <WorkingDirectory>` + xmlText(j.Dir) + `</WorkingDirectory>
  </Exec></Actions>
</Task>
`
}

// windowsWord quotes a word for a command line: backslashes are doubled before
// a quote.
func windowsWord(word string) string {
	word = regexp.MustCompile(`(\\*)"`).ReplaceAllString(word, `$1$1\"`)
	word = regexp.MustCompile(`(\\+)$`).ReplaceAllString(word, `$1$1`)
	return `"` + word + `"`
}
