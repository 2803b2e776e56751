package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestMain lets the test binary be called as phlb-bench calls itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == bareCommand {
		main()
	}
	os.Exit(m.Run())
}

// need skips a test where a program is missing.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

func needLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux")
	}
}

// makeTree makes a folder named docs with n small files in it.
func makeTree(t *testing.T, n int) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "docs")
	if err := os.MkdirAll(filepath.Join(root, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		name := filepath.Join(root, "sub", strings.Repeat("x", 1+i%50)+string(rune('a'+i/50)))
		if err := os.WriteFile(name, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// snapshot reads all files below root.
func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := (&tree{root: root}).walk(t.Context(), func(path string) error {
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRun(t *testing.T) {
	need(t, "cp")
	src, dst := makeTree(t, 120), t.TempDir()
	before := snapshot(t, src)
	args := []string{"-src", src, "-dst", dst, "-tools", "cp", "-rounds", "1"}

	t.Run("JSON", func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		if err := run(t.Context(), append(args, "-json", "-"), nil, &stdout, &stderr); err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		var r report
		if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
			t.Fatalf("%v\n%s", err, &stdout)
		}
		if r.Tree.Files != 120 || r.Tree.Folders != 2 || r.Changed.Files != 2 || len(r.Results) != len(phases) {
			t.Errorf("%+v", r)
		}
		for i, res := range r.Results {
			if res.Phase != phases[i].name || res.Tool != "cp" || len(res.Samples) != 1 || res.Median.Wall <= 0 || res.WallRatio != 1 {
				t.Errorf("%+v", res)
			}
		}
	})
	t.Run("Table", func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		file := filepath.Join(t.TempDir(), "samples.json")
		if err := run(t.Context(), append(args, "-json", file), nil, &stdout, &stderr); err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		for _, want := range []string{"120 files, 2 folders", "first backup", "cp -a ", "1 % changed", "cp -al"} {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("no %q in\n%s", want, &stdout)
			}
		}
		if data, err := os.ReadFile(file); err != nil || !json.Valid(data) {
			t.Errorf("%s, %v", data, err)
		}
	})
	t.Run("Interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var stdout, stderr bytes.Buffer
		err := run(ctx, args, nil, &stdout, &stderr)
		if code := exitCode(err, &stderr); code != 130 || stdout.Len() > 0 {
			t.Errorf("%v, exit code %d\n%s", err, code, &stdout)
		}
	})

	if left, err := os.ReadDir(dst); err != nil || len(left) > 0 {
		t.Errorf("left in the destination: %v, %v", left, err)
	}
	after := snapshot(t, src)
	if len(after) != len(before) {
		t.Errorf("%d files in the source, there were %d", len(after), len(before))
	}
	for path, text := range before {
		if after[path] != text {
			t.Errorf("%s was changed", path)
		}
	}

	t.Run("Keep", func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		if err := run(t.Context(), append(args, "-keep"), nil, &stdout, &stderr); err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		copies, err := filepath.Glob(filepath.Join(dst, "*", "runs", "cp", "changed", "sub"))
		if err != nil || len(copies) != 1 {
			t.Errorf("kept %v, %v", copies, err)
		}
		if old, err := filepath.Glob(filepath.Join(dst, "*", "aside")); err != nil || len(old) != 0 {
			t.Errorf("earlier rounds are kept in %v, %v", old, err)
		}
	})
}

// Every tool that is installed makes all of its backups, and they have in them
// what the tree has.
func TestTools(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	for _, name := range []string{"cp", "cp+sync", "bare", "rsync", "restic", "borg"} {
		t.Run(name, func(t *testing.T) {
			program, _, _ := strings.Cut(name, "+")
			if program == "bare" {
				needLinux(t)
				program = "cp"
			}
			need(t, "cp", "sync", program)
			var stdout, stderr bytes.Buffer
			dst := t.TempDir()
			err := run(t.Context(), []string{"-src", makeTree(t, 10), "-dst", dst, "-tools", name, "-rounds", "1", "-keep"}, nil, &stdout, &stderr)
			if err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			runs, err := filepath.Glob(filepath.Join(dst, "*", "runs", name))
			if err != nil || len(runs) != 1 {
				t.Fatalf("%v, %v", runs, err)
			}
			c, err := census(runs[0])
			if err != nil || c.Files < 3 {
				t.Errorf("%d files in %s, %v", c.Files, runs[0], err)
			}
			if name == "rsync" && c.Files != 30 {
				t.Errorf("rsync left %d files in three backups of 10", c.Files)
			}
		})
	}
}

// The bare system calls make what cp makes.
func TestBare(t *testing.T) {
	needLinux(t)
	need(t, "rsync")
	src, dst := makeTree(t, 10), t.TempDir()
	for _, make := range []func() error{
		func() error { return os.Symlink("nowhere", filepath.Join(src, "link")) },
		func() error { return os.Chmod(filepath.Join(src, "sub"), 0o750) },
		func() error { return bare(src, "", filepath.Join(dst, "first")) },
		func() error { return bare(src, filepath.Join(dst, "first"), filepath.Join(dst, "second")) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"first", "second"} {
		cmd := exec.Command("rsync", "-acn", "--omit-link-times", "--delete", "--itemize-changes", src+"/", filepath.Join(dst, name))
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
	if err := bare(src, "", filepath.Join(dst, "first")); err == nil {
		t.Error("a copy to where there is one")
	}
}

// What phlb is called with, by way of a script in its place.
func TestPhlb(t *testing.T) {
	need(t, "sh", "cp")
	src, dir := makeTree(t, 10), t.TempDir()
	calls := filepath.Join(dir, "calls")
	phlb, policy := filepath.Join(dir, "phlb"), filepath.Join(dir, "policy.star")
	text := "#!/bin/sh\necho \"$1 ${2##*/} ${3##*/} ${PHLB_BACKUP_PATH##*/}\" >>" + calls + "\ntest $1 = --version && echo phlb 0.0\nexit 0\n"
	for path, text := range map[string]string{phlb: text, policy: ""} {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	args := []string{"-src", src, "-dst", dir, "-tools", "cp,phlb", "-phlb", phlb, "-script", policy, "-rounds", "1", "-where", "-startup"}
	if err := run(t.Context(), args, nil, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	for _, want := range []string{"phlb 0.0\n", "  phlb exec policy.star ", "  phlb exec where.star ", "where, changed: ", "phlb --version: "} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
	log, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	for call, times := range map[string]int{
		"exec policy.star docs phlb\n":      len(phases) + 1,
		"exec plain.star docs phlb-plain\n": len(phases) + 1,
		"exec where.star docs phlb-where\n": len(phases) + 1,
		"--version   \n":                    startups + 1,
	} {
		if got := strings.Count(string(log), call); got != times {
			t.Errorf("%q was called %d times, want %d:\n%s", call, got, times, log)
		}
	}
}

func TestErrors(t *testing.T) {
	src := makeTree(t, 1)
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"NoSource", nil, 2, "-src is missing"},
		{"Rounds", []string{"-src", src, "-rounds", "0"}, 2, "-rounds must be at least 1"},
		{"Tools", []string{"-src", src, "-tools", "cp,scp"}, 2, `"scp" is not one of cp, cp+sync, bare, rsync`},
		{"Argument", []string{"-src", src, "more"}, 2, "unexpected more"},
		{"Flag", []string{"-sauce", src}, 2, "-sauce"},
		{"Help", []string{"-h"}, 0, "-rounds"},
		{"Missing", []string{"-src", filepath.Join(src, "none")}, 1, "none"},
		{"File", []string{"-src", filepath.Join(src, "sub", "xa")}, 1, "is not a folder"},
		{"Inside", []string{"-src", src, "-dst", filepath.Join(src, "sub")}, 1, "lies inside -src"},
		{"JSON", []string{"-src", src, "-json", filepath.Join(src, "none", "x")}, 1, "write the samples"},
		{"Phlb", []string{"-src", src, "-tools", "phlb", "-phlb", filepath.Join(src, "phlb"), "-script", src}, 1, "phlb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			err := run(t.Context(), test.args, nil, &stdout, &stderr)
			if code := exitCode(err, &stderr); code != test.code || !strings.Contains(stderr.String(), test.want) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, test.code, test.want, &stderr)
			}
		})
	}
}

// A tool that fails is out, and the others go on.
func TestFailure(t *testing.T) {
	need(t, "cp", "false")
	work := t.TempDir()
	c, err := newCommands(work)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := newTree(t.Context(), c, makeTree(t, 5), filepath.Join(work, "source"), 1)
	if err != nil {
		t.Fatal(err)
	}
	broken := tool{name: "broken", steps: always(step{"false", func(job) [][]string { return [][]string{{"false"}} }})}
	var log bytes.Buffer
	b := &bench{
		rounds: 2, tools: []tool{copyTool("cp", ""), broken}, tree: tr, work: work, cmds: c, log: &log,
		samples: map[sampleKey][]sample{}, failed: map[string]error{},
	}
	for round := range b.rounds {
		if err := b.round(t.Context(), round, "a round", phases); err != nil {
			t.Fatal(err)
		}
	}
	r := b.report("src", work, nil)
	if len(r.Results) != len(phases) || r.find("first", "broken") != nil || b.failed["broken"] == nil {
		t.Errorf("%+v, failed: %v", r.Results, b.failed)
	}
	if !strings.Contains(log.String(), "broken failed") {
		t.Error(log.String())
	}
}

func TestMeasure(t *testing.T) {
	need(t, "sh")
	c, err := newCommands(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("Complaint", func(t *testing.T) {
		_, err := c.measure(t.Context(), [][]string{{"sh", "-c", "echo one >&2; echo two >&2; exit 3"}}, nil)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.HasSuffix(err.Error(), "exit status 3: two") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("Surrounding", func(t *testing.T) {
		t.Setenv("RESTIC_REPOSITORY", "mine")
		c, err := newCommands(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		got := c.output(t.Context(), "sh", "-c", `echo "$HOME $RESTIC_REPOSITORY"`)
		if got != filepath.Join(c.dir, "home") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("Sum", func(t *testing.T) {
		s, err := c.measure(t.Context(), [][]string{{"sh", "-c", ":"}, {"sh", "-c", ":"}}, nil)
		if err != nil || s.Wall <= 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestTurns(t *testing.T) {
	tools := []string{"a", "b", "c"}
	for round, want := range []string{"abc", "acb", "cab", "cba", "bca", "bac", "abc"} {
		if got := strings.Join(turns(tools, round), ""); got != want {
			t.Errorf("round %d: %s, want %s", round, got, want)
		}
	}
	if strings.Join(tools, "") != "abc" {
		t.Errorf("the tools themselves are turned: %v", tools)
	}
}
