//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lab is a folder in which several phlb run at a time.
type lab struct {
	testing.TB
	dir string
}

func (l *lab) command(args ...string) *exec.Cmd {
	cmd := exec.Command("phlb", args...)
	cmd.Dir, cmd.Env = l.dir, environ(l.dir)
	return cmd
}

// start starts phlb and kills it at the end, if it is there by then.
func (l *lab) start(cmd *exec.Cmd) {
	l.Helper()
	if err := cmd.Start(); err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// asks runs a query, which must answer while others go on.
func (l *lab) asks(statement, want string) {
	l.Helper()
	cmd := l.command("query", "--tsv", statement)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	l.start(cmd)
	hung := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer hung.Stop()
	if e := cmd.Wait(); e != nil || err.Len() > 0 {
		l.Fatalf("%s: %v\n%s", statement, e, &err)
	}
	if got := strings.TrimSpace(out.String()); got != want {
		l.Errorf("%s: %q, want %q", statement, got, want)
	}
}

// await waits until something is so.
func (l *lab) await(what string, is func() bool) {
	l.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			l.Fatalf("%s: did not come about", what)
		}
	}
}

// awaitFile waits for a file.
func (l *lab) awaitFile(pattern string) {
	l.Helper()
	l.await(pattern, func() bool {
		found, _ := filepath.Glob(filepath.Join(l.dir, pattern))
		return len(found) > 0
	})
}

// leftovers lists private copies of the catalog.
func (l *lab) leftovers() []string {
	found, _ := filepath.Glob(filepath.Join(l.dir, "root/.phlb/catalog.ql.tmp-*"))
	return found
}

const counting = "SELECT count() AS n FROM snapshots"

// TestQueryMeanwhile asks while a backup stands still in its midst, and while
// others ask; then it kills them all.
func TestQueryMeanwhile(t *testing.T) {
	l := &lab{t, t.TempDir()}
	history(t, l.dir)
	if err := os.Mkdir(filepath.Join(l.dir, "big"), 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		if err := os.WriteFile(filepath.Join(l.dir, "big", fmt.Sprint(i)), bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 5000), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	backup := l.command("backup", "big")
	l.start(backup)
	l.awaitFile("root/big/*.partial")
	if err := backup.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(filepath.Join(l.dir, "root/big/latest")); len(found) > 0 {
		t.Skip("the backup was faster")
	}
	l.asks(counting, "n\n4")
	l.asks("SELECT count() AS n FROM versions WHERE path = 'report.odt'", "n\n2")

	// Two sessions, one of them busy, and a query that goes on.
	session := l.command("repl")
	in, err := session.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.start(session)
	answers := bufio.NewScanner(out)
	ask := func(statement, want string) {
		t.Helper()
		fmt.Fprintln(in, statement)
		if !answers.Scan() || answers.Text() != want {
			t.Errorf("%s: %q, want %q", statement, answers.Text(), want)
		}
	}
	ask("len(snapshots())", "4")
	endless := "SELECT count() FROM versions AS a, versions AS b, versions AS c WHERE a.size + b.size + c.size < 0"
	busy, asking := l.command("repl"), l.command("query", endless)
	busy.Stdin = strings.NewReader(endless + ";\n")
	l.start(busy)
	l.start(asking)
	l.await("two queries", func() bool { return works(busy.Process.Pid) && works(asking.Process.Pid) })
	l.asks(counting, "n\n4")
	ask("len(snapshots(\"docs\"))", "3")

	// A kill of any harms none of the others, nor the catalog.
	for _, cmd := range []*exec.Cmd{asking, busy, backup} {
		cmd.Process.Kill()
		cmd.Wait()
		l.asks(counting, "n\n4")
		ask("len(snapshots())", "4")
	}
	if found := l.leftovers(); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
	if out, err := l.command("backup", "big").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ask("len(snapshots())", "5")
	l.asks(counting, "n\n5")
	in.Close()
	if err := session.Wait(); err != nil {
		t.Error(err)
	}
}

// TestQueryInterrupted stops a query that would go on for long.
func TestQueryInterrupted(t *testing.T) {
	l := &lab{t, t.TempDir()}
	history(t, l.dir)
	for _, args := range [][]string{
		{"query", "SELECT count() FROM versions AS a, versions AS b, versions AS c WHERE a.size + b.size + c.size < 0"},
		{"query", "SELECT a.path FROM versions AS a, versions AS b, versions AS c ORDER BY a.path"},
		{"query", "--ql", "SELECT count() FROM versions AS a, versions AS b, versions AS c WHERE a.size + b.size + c.size < 0"},
		{"query", "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"},
		{"repl"},
	} {
		cmd := l.command(args...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		cmd.Stdin = strings.NewReader("while True: pass\n")
		l.start(cmd)
		l.await("a busy process", func() bool { return works(cmd.Process.Pid) })
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 || stderr.String() != "phlb: interrupted\n" {
			t.Errorf("%q: exit code %d\n%s", args, code, &stderr)
		}
		if found := l.leftovers(); len(found) > 0 {
			t.Errorf("%q: left behind: %q", args, found)
		}
	}
}

// works reports whether a process has worked for a while.
func works(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(stat))
	return err != nil || len(fields) > 13 && len(fields[13]) > 1 // ten ticks of a hundredth of a second
}
