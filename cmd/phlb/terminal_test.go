package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// terminal is phlb in a terminal that tmux keeps.
type terminal struct {
	testing.TB
	socket string
	env    []string
}

// newTerminal makes a folder with a source and a root in it, and runs phlb with
// the arguments there.
func newTerminal(t testing.TB, dir string, args ...string) *terminal {
	t.Helper()
	phlb, err := exec.LookPath("phlb")
	if err != nil {
		t.Fatal(err)
	}
	command := "exec " + phlb
	for _, arg := range args {
		command += fmt.Sprintf(" %q", arg)
	}
	return openTerminal(t, dir, "sh -c '"+command+"'; echo ended with $?; cat")
}

// openTerminal runs a command of the shell in dir, with the environment of phlb.
func openTerminal(t testing.TB, dir, command string) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("needs tmux")
	}
	// The path of a socket must be short.
	socketDir, err := os.MkdirTemp("", "phlb-tmux-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(socketDir) })
	term := &terminal{TB: t, socket: filepath.Join(socketDir, "s"), env: environ(dir)}
	term.tmux("-f", "/dev/null", "new-session", "-d", "-x", "110", "-y", "50", "-c", dir, command)
	t.Cleanup(func() { exec.Command("tmux", "-S", term.socket, "kill-server").Run() })
	return term
}

// environ is that of phlb in dir.
func environ(dir string) []string {
	return append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+filepath.Join(dir, "state"), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"),
		"PHLB_BACKUP_PATH="+filepath.Join(dir, "root"), "TZ=Europe/Vienna", "TERM=xterm", "LC_ALL=C.UTF-8", "INPUTRC=/dev/null")
}

func (t *terminal) tmux(args ...string) string {
	t.Helper()
	cmd := exec.Command("tmux", append([]string{"-u", "-S", t.socket}, args...)...)
	cmd.Env = t.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// screen returns what is to be seen, without empty lines.
func (t *terminal) screen() string {
	var lines []string
	for line := range strings.Lines(t.tmux("capture-pane", "-p")) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// typed types text.
func (t *terminal) typed(text string) {
	t.Helper()
	if strings.HasSuffix(text, ";") {
		text = text[:len(text)-1] + `\;` // else it is tmux's own
	}
	t.tmux("send-keys", "-l", "--", text)
}

// keys presses keys by their names: Enter, C-c.
func (t *terminal) keys(names ...string) {
	t.Helper()
	t.tmux(append([]string{"send-keys"}, names...)...)
}

// signal sends phlb a signal.
func (t *terminal) signal(name string) {
	t.Helper()
	shell := strings.TrimSpace(t.tmux("display-message", "-p", "#{pane_pid}"))
	if out, err := exec.Command("pkill", "-"+name, "-P", shell).CombinedOutput(); err != nil {
		t.Skipf("needs pkill: %v: %s", err, out)
	}
}

// await tries something now and then until it is so.
func (t *terminal) await(what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s:\n%s", what, t.screen())
		}
	}
}

// sees waits until the screen shows what the pattern says.
func (t *terminal) sees(pattern string) {
	t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	t.await("the screen does not show "+pattern, func() bool { return re.MatchString(t.screen()) })
}

// running waits until a statement runs: the line editor has let go of the
// terminal then.
func (t *terminal) running() {
	t.Helper()
	tty := strings.TrimSpace(t.tmux("display-message", "-p", "#{pane_tty}"))
	t.await("nothing runs", func() bool {
		out, err := exec.Command("stty", "-F", tty, "-a").CombinedOutput()
		if err != nil {
			t.Skipf("needs stty: %v: %s", err, out)
		}
		return slices.Contains(strings.Fields(string(out)), "isig")
	})
}

// clear empties the screen down to the prompt. A key that comes right behind one
// that ends a line may be lost with that.
func (t *terminal) clear() {
	t.Helper()
	t.await("the screen is not cleared", func() bool {
		t.keys("C-l")
		return t.screen() == "phlb>"
	})
}

// asks types a statement, and waits for an answer and the prompt behind it.
func (t *terminal) asks(text, pattern string) {
	t.Helper()
	t.clear()
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			t.keys("Enter")
		}
		t.typed(line)
	}
	t.keys("Enter")
	t.sees(`(?s)` + pattern + `.*\nphlb>\z`)
}

// history makes a root of several snapshots, of what changes between them.
func history(t testing.TB, dir string) {
	t.Helper()
	write := func(path, content string) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	phlb := func(args ...string) {
		cmd := exec.Command("phlb", args...)
		cmd.Dir, cmd.Env = dir, environ(dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("phlb %q: %v\n%s", args, err, out)
		}
	}
	for i := range 300 {
		write(fmt.Sprintf("docs/letters/%03d.txt", i), fmt.Sprintf("letter %d\n", i))
	}
	write("docs/report.odt", strings.Repeat("draft\n", 1000))
	write("photos/cat.jpg", strings.Repeat("cat", 5000))
	phlb("backup", "docs")
	phlb("backup", "photos")
	write("docs/report.odt", strings.Repeat("final\n", 2000))
	write("docs/copy of cat.jpg", strings.Repeat("cat", 5000))
	phlb("backup", "docs")
	if err := os.Remove(filepath.Join(dir, "docs/letters/007.txt")); err != nil {
		t.Fatal(err)
	}
	write("script.star", "def biggest(name, n = 3):\n    'The largest files.'\n"+
		"    all = [e for e in files(name) if e.kind == 'file']\n    return sorted(all, key = lambda e: -e.size)[:n]\n")
	phlb("backup", "docs")
}
