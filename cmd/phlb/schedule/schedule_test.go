package schedule

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// oddWords are arguments that some quoting or other gets wrong.
var oddWords = []string{"plain", "two words", `a "b" 'c'`, `back\slash\`, `\%50%%`, "$HOME `id` $(id)", "~ * ? # ;", "ümlaut", ""}

func TestMoment(t *testing.T) {
	for want, c := range map[string]struct {
		Times
		calendar, cron string
	}{
		"daily 02:00":      {Times{Daily: "2:00"}, "*-*-* 02:00:00", "0 2 * * *"},
		"weekly Sun 23:59": {Times{Weekly: "sunday 23:59"}, "Sun *-*-* 23:59:00", "59 23 * * 0"},
		"hourly":           {Times{Hourly: true}, "*-*-* 00/1:00:00", "0 * * * *"},
		"every 15m":        {Times{Every: 15 * time.Minute}, "*-*-* *:00/15:00", "*/15 * * * *"},
		"every 6h":         {Times{Every: 6 * time.Hour}, "*-*-* 00/6:00:00", "0 */6 * * *"},
		"daily 00:00":      {Times{Every: 24 * time.Hour}, "*-*-* 00:00:00", "0 0 * * *"},
	} {
		m, err := c.Moment()
		if err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if m.String() != want || m.calendar() != c.calendar || m.cron() != c.cron {
			t.Errorf("%s: %s, %s, %s", want, m, m.calendar(), m.cron())
		}
		if _, err := exec.LookPath("systemd-analyze"); err == nil {
			if out, err := exec.Command("systemd-analyze", "calendar", m.calendar()).CombinedOutput(); err != nil {
				t.Errorf("%s: %s", m.calendar(), out)
			}
		}
	}
	for _, bad := range []Times{{}, {Hourly: true, Daily: "2:00"}, {Every: time.Second}, {Every: 7 * time.Minute},
		{Every: 90 * time.Minute}, {Every: 48 * time.Hour}, {Every: -time.Hour}, {Daily: "24:00"}, {Weekly: "Mo 2:00"}, {Weekly: "Mon"}} {
		if m, err := bad.Moment(); err == nil {
			t.Errorf("%+v is taken for %s", bad, m)
		}
	}
}

// TestCronWord has a shell read the words, after cron has read its percent
// signs.
func TestCronWord(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here")
	}
	for _, word := range oddWords {
		line := strings.ReplaceAll(cronWord(word), `\%`, "%")
		out, err := exec.Command(sh, "-c", "printf %s "+line).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q became %q, %v", word, out, err)
		}
	}
}

func TestUnitWord(t *testing.T) {
	for word, want := range map[string]string{
		`a "b" \c`:    `"a \"b\" \\c"`,
		"50% of $X":   `"50%% of $$X"`,
		"line\nbreak": `"line\x0abreak"`,
		"caf\xe9 é":   `"caf\xe9 é"`,
		"":            `""`,
	} {
		if got := unitWord(word, true); got != want {
			t.Errorf("%q became %s, want %s", word, got, want)
		}
	}
	if got := unitWord("PHLB_X=$Y", false); got != `"PHLB_X=$Y"` {
		t.Errorf("a variable became %s", got)
	}
}

func TestWindowsWord(t *testing.T) {
	for word, want := range map[string]string{
		`C:\a b\`: `"C:\a b\\"`, `say "hi"`: `"say \"hi\""`, `a\"b`: `"a\\\"b"`, "": `""`,
	} {
		if got := windowsWord(word); got != want {
			t.Errorf("%q became %s, want %s", word, got, want)
		}
	}
}

// oddJob is one with much to quote.
func oddJob(t *testing.T, when Times) *Job {
	t.Helper()
	m, err := when.Moment()
	if err != nil {
		t.Fatal(err)
	}
	return &Job{
		Name: "odd", When: m.String(), Command: "a <b> & c", Moment: m,
		Dir: "/tmp/a & b", Argv: append([]string{"/bin/phlb", "exec"}, oddWords...), Env: []string{"PHLB_X=<1>"},
	}
}

// TestXML reads what is written for launchd and the Task Scheduler, with the
// words in it.
func TestXML(t *testing.T) {
	for _, when := range []Times{{Daily: "2:00"}, {Weekly: "Mon 02:00"}, {Every: time.Hour}} {
		j := oddJob(t, when)
		for _, text := range []string{plist(j), task(j)} {
			var words strings.Builder
			d := xml.NewDecoder(strings.NewReader(text))
			for {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%v in\n%s", err, text)
				}
				if chars, ok := token.(xml.CharData); ok {
					words.Write(chars)
					words.WriteString("\n")
				}
			}
			for _, want := range []string{"/tmp/a & b\n", "a <b> & c\n", "$HOME `id` $(id)"} {
				if !strings.Contains(words.String(), want) {
					t.Errorf("%q is missing in\n%s", want, text)
				}
			}
		}
		for _, manager := range []*manager{launchd(""), taskScheduler("")} {
			files, err := manager.files(j)
			if err != nil {
				t.Fatal(err)
			}
			found := manager.described.FindStringSubmatch(files[0].content)
			if found == nil || manager.unescape(found[1]) != j.When+": a <b> & c" {
				t.Errorf("%s finds %q", manager.name, found)
			}
		}
	}
}

// TestPlist has another program read what is written for launchd.
func TestPlist(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	for _, when := range []Times{{Daily: "2:05"}, {Weekly: "Mon 02:00"}, {Every: time.Hour}} {
		j := oddJob(t, when)
		cmd := exec.Command(python, "-c", "import json, plistlib, sys; json.dump(plistlib.loads(sys.stdin.buffer.read()), sys.stdout)")
		cmd.Stdin = strings.NewReader(plist(j))
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v in\n%s", err, plist(j))
		}
		var got struct {
			Label, WorkingDirectory string
			ProgramArguments        []string
			EnvironmentVariables    map[string]string
			StartInterval           int
			StartCalendarInterval   map[string]int
			Nice                    int
			LowPriorityIO           bool
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{"Hour": j.Moment.hour, "Minute": j.Moment.minute}
		if j.Moment.day >= 0 {
			want["Weekday"] = j.Moment.day
		}
		if j.Moment.every > 0 {
			want = nil
		}
		if got.Label != j.unit() || got.WorkingDirectory != j.Dir || !slices.Equal(got.ProgramArguments, j.Argv) ||
			got.EnvironmentVariables["PHLB_X"] != "<1>" || got.StartInterval != int(j.Moment.every.Seconds()) ||
			!maps.Equal(got.StartCalendarInterval, want) || got.Nice != 19 || !got.LowPriorityIO {
			t.Errorf("%s is read as %+v", j.When, got)
		}
	}
}

// TestTask holds what is written for the Task Scheduler against its schema.
func TestTask(t *testing.T) {
	for _, tt := range []struct {
		when    Times
		trigger string // what is in CalendarTrigger
	}{
		{Times{Daily: "2:05"}, "<StartBoundary>2026-01-01T02:05:00</StartBoundary><ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>"},
		{Times{Weekly: "Mon 02:00"}, "<StartBoundary>2026-01-01T02:00:00</StartBoundary>" +
			"<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek><Monday/></DaysOfWeek></ScheduleByWeek>"},
		{Times{Every: 15 * time.Minute}, "<Repetition><Interval>PT15M</Interval><Duration>P1D</Duration></Repetition>" +
			"<StartBoundary>2026-01-01T00:00:00</StartBoundary><ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>"},
	} {
		j := oddJob(t, tt.when)
		var got struct {
			XMLName xml.Name `xml:"http://schemas.microsoft.com/windows/2004/02/mit/task Task"`
			Version string   `xml:"version,attr"`
			Trigger struct {
				Text string `xml:",innerxml"`
			} `xml:"Triggers>CalendarTrigger"`
			Missed bool                                                  `xml:"Settings>StartWhenAvailable"`
			Mains  string                                                `xml:"Settings>DisallowStartIfOnBatteries"`
			Stop   string                                                `xml:"Settings>StopIfGoingOnBatteries"`
			Limit  string                                                `xml:"Settings>ExecutionTimeLimit"`
			Exec   struct{ Command, Arguments, WorkingDirectory string } `xml:"Actions>Exec"`
		}
		text := task(j)
		if err := xml.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if got.Version != "1.2" || got.Trigger.Text != tt.trigger || !got.Missed || got.Exec.Command != j.Argv[0] || got.Exec.WorkingDirectory != j.Dir {
			t.Errorf("%s is read as %+v", j.When, got)
		}
		if got.Mains != "false" || got.Stop != "false" || got.Limit != "PT0S" { // no limit
			t.Errorf("%s is not started on a battery, or ended: %+v", j.When, got)
		}
		for _, word := range j.Argv[1:] {
			if !strings.Contains(got.Exec.Arguments, windowsWord(word)) {
				t.Errorf("%q is missing in %s", word, got.Exec.Arguments)
			}
		}
	}
}
