package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// oddWords are arguments that some quoting or other gets wrong.
var oddWords = []string{"plain", "two words", `a "b" 'c'`, `back\slash\`, `\%50%%`, "$HOME `id` $(id)", "~ * ? # ;", "ümlaut", ""}

func TestMoment(t *testing.T) {
	for want, c := range map[string]struct {
		times
		calendar, cron string
	}{
		"daily 02:00":      {times{daily: "2:00"}, "*-*-* 02:00:00", "0 2 * * *"},
		"weekly Sun 23:59": {times{weekly: "sunday 23:59"}, "Sun *-*-* 23:59:00", "59 23 * * 0"},
		"hourly":           {times{hourly: true}, "*-*-* 00/1:00:00", "0 * * * *"},
		"every 15m":        {times{every: 15 * time.Minute}, "*-*-* *:00/15:00", "*/15 * * * *"},
		"every 6h":         {times{every: 6 * time.Hour}, "*-*-* 00/6:00:00", "0 */6 * * *"},
	} {
		m, err := c.moment()
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
	for _, bad := range []times{{}, {hourly: true, daily: "2:00"}, {every: time.Second}, {every: 7 * time.Minute},
		{every: 90 * time.Minute}, {every: 24 * time.Hour}, {every: -time.Hour}, {daily: "24:00"}, {weekly: "Mo 2:00"}, {weekly: "Mon"}} {
		if m, err := bad.moment(); err == nil {
			t.Errorf("%+v is taken for %s", bad, m)
		}
	}
}

// TestShellWord has a shell read the words, after cron has read its percent
// signs.
func TestShellWord(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here")
	}
	for _, word := range oddWords {
		line := strings.ReplaceAll(shellWord(word), `\%`, "%")
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

// TestXML reads what is written for launchd and the Task Scheduler, with the
// words in it.
func TestXML(t *testing.T) {
	for _, when := range []times{{daily: "2:00"}, {weekly: "Mon 02:00"}, {every: time.Hour}} {
		m, err := when.moment()
		if err != nil {
			t.Fatal(err)
		}
		j := &job{
			Name: "odd", When: m.String(), Command: "a <b> & c", moment: m,
			dir: "/tmp/a & b", argv: append([]string{"/bin/phlb", "exec"}, oddWords...), env: []string{"PHLB_X=<1>"},
		}
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
		for _, manager := range []*manager{launchd(), taskScheduler()} {
			files, err := manager.files(j)
			if err != nil {
				t.Fatal(err)
			}
			found := manager.described.FindStringSubmatch(files[0].content)
			if found == nil || manager.unescape(found[1]) != m.String()+": a <b> & c" {
				t.Errorf("%s finds %q", manager.name, found)
			}
		}
	}
}
