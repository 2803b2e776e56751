package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// A tool is one row in each part of the table.
type tool struct {
	name    string
	needs   []string             // programs without which it is left out
	version string               // as it says itself
	unfit   string               // why it cannot be measured; "" if it can
	env     func(j job) []string // on top of the common surrounding
	prepare func(j job) [][]string
	steps   map[string]step // by the name of the phase; a phase may be missing
}

// A step is what a tool does in one phase.
type step struct {
	label string // in the table
	argv  func(j job) [][]string
}

// A job is where a tool finds the tree and puts its backups in one round.
type job struct {
	src string
	dir string // empty at the beginning of a round
}

// to is a place in the folder of the job.
func (j job) to(name string) string { return filepath.Join(j.dir, name) }

func (t tool) environ(j job) []string {
	if t.env == nil {
		return nil
	}
	return t.env(j)
}

// always is the same step in every phase.
func always(s step) map[string]step {
	steps := map[string]step{}
	for _, ph := range phases {
		steps[ph.name] = s
	}
	return steps
}

// baseline is the tool that the ratios are against.
const baseline = "cp"

// makers make the tools, in the order of the table. Those that are chosen with
// -where come on top.
var makers = []struct {
	name string
	make func(ctx context.Context, c *commands, phlb program) tool
}{
	{baseline, func(context.Context, *commands, program) tool { return copyTool(baseline, "") }},
	{"cp+sync", func(context.Context, *commands, program) tool { return copyTool("cp+sync", syncCommand()) }},
	{"bare", func(context.Context, *commands, program) tool { return bareTool() }},
	{"rsync", func(context.Context, *commands, program) tool { return rsyncTool() }},
	{"restic", func(ctx context.Context, c *commands, _ program) tool { return resticTool(ctx, c) }},
	{"borg", func(ctx context.Context, c *commands, _ program) tool { return borgTool(ctx, c) }},
	{"phlb", func(_ context.Context, _ *commands, p program) tool { return phlbTool("phlb", p.path, p.script) }},
}

func toolNames() []string {
	names := make([]string, len(makers))
	for i, m := range makers {
		names[i] = m.name
	}
	return names
}

// A kit is what gets measured.
type kit struct {
	tools []tool
	phlb  string // "" if no phlb was asked for
}

// assemble makes the tools that were asked for. One that is not installed is an
// error if it was named, and otherwise one of the second result. A phlb that
// has to be built goes to bin.
func assemble(ctx context.Context, o options, c *commands, bin string) (kit, []string, error) {
	wanted := func(name string) bool { return o.tools == nil || slices.Contains(o.tools, name) }
	var p program
	if wanted("phlb") || o.where || o.startup {
		var err error
		if p, err = findPhlb(ctx, o, bin); err != nil {
			return kit{}, nil, err
		}
	}
	k := kit{phlb: p.path}
	var skipped []string
	for _, m := range makers {
		if !wanted(m.name) {
			continue
		}
		t := m.make(ctx, c, p)
		if reason := unavailable(t); reason == "" {
			k.tools = append(k.tools, withVersion(ctx, c, t))
		} else if o.tools == nil {
			skipped = append(skipped, reason)
		} else {
			return kit{}, nil, errors.New(reason)
		}
	}
	if o.where {
		for _, name := range []string{plainTool, whereTool} {
			script, err := unpack(name, c.dir)
			if err != nil {
				return kit{}, nil, err
			}
			k.tools = append(k.tools, phlbTool(name, p.path, script))
		}
	}
	if len(k.tools) == 0 {
		return kit{}, nil, errors.New("there is nothing to measure: " + strings.Join(skipped, ", "))
	}
	return k, skipped, nil
}

func unavailable(t tool) string {
	for _, program := range t.needs {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed"
		}
	}
	return t.unfit
}

func withVersion(ctx context.Context, c *commands, t tool) tool {
	if t.version == "" {
		t.version, _, _ = strings.Cut(c.output(ctx, t.needs[0], "--version"), "\n")
	}
	return t
}

// syncCommand writes back the file system that a path is on, or everything
// where sync knows no better.
func syncCommand() string {
	if runtime.GOOS == "linux" {
		return "sync -f"
	}
	return "sync"
}

// copyTool copies once, and from then on links what it has. With a sync, it
// waits until that is on the disk.
func copyTool(name, sync string) tool {
	t := tool{name: name, needs: []string{"cp"}}
	if sync != "" {
		t.needs = append(t.needs, "sync")
	}
	add := func(flag string, from func(j job) string, to string) step {
		s := step{label: "cp " + flag}
		if sync != "" {
			s.label += "; " + sync
		}
		s.argv = func(j job) [][]string {
			argv := [][]string{{"cp", flag, from(j), j.to(to)}}
			if words := strings.Fields(sync); len(words) > 1 {
				argv = append(argv, append(words, j.to(to)))
			} else if len(words) == 1 {
				argv = append(argv, words)
			}
			return argv
		}
		return s
	}
	t.steps = map[string]step{
		"first":     add("-a", func(j job) string { return j.src }, "first"),
		"unchanged": add("-al", func(j job) string { return j.to("first") }, "unchanged"),
		"changed":   add("-al", func(j job) string { return j.to("unchanged") }, "changed"),
	}
	return t
}

func rsyncTool() tool {
	link := func(from, to string) step {
		return step{"rsync -a --link-dest", func(j job) [][]string {
			return [][]string{{"rsync", "-a", "--link-dest=" + j.to(from), j.src + "/", j.to(to) + "/"}}
		}}
	}
	return tool{
		name: "rsync", needs: []string{"rsync"},
		steps: map[string]step{
			"first": {"rsync -a", func(j job) [][]string {
				return [][]string{{"rsync", "-a", j.src + "/", j.to("first") + "/"}}
			}},
			"unchanged": link("first", "unchanged"),
			"changed":   link("unchanged", "changed"),
		},
	}
}

// resticTool goes without a password where restic lets it, since 0.17. Its data
// is encrypted either way.
func resticTool(ctx context.Context, c *commands) tool {
	common := []string{"restic", "--quiet"}
	password := []string{"RESTIC_PASSWORD=phlb-bench"}
	if strings.Contains(c.output(ctx, "restic", "help", "backup"), "--insecure-no-password") {
		common, password = append(common, "--insecure-no-password"), nil
	}
	argv := func(words ...string) [][]string { return [][]string{slices.Concat(common, words)} }
	return tool{
		name: "restic", needs: []string{"restic"},
		version: c.output(ctx, "restic", "version"),
		env: func(j job) []string {
			return slices.Concat(password, []string{"RESTIC_REPOSITORY=" + j.to("repo"), "RESTIC_CACHE_DIR=" + j.to("cache")})
		},
		prepare: func(job) [][]string { return argv("init") },
		steps:   always(step{"restic backup", func(j job) [][]string { return argv("backup", j.src) }}),
	}
}

func borgTool(ctx context.Context, c *commands) tool {
	t := tool{
		name: "borg", needs: []string{"borg"},
		version: c.output(ctx, "borg", "--version"),
		env: func(j job) []string {
			return []string{
				"BORG_REPO=" + j.to("repo"), "BORG_BASE_DIR=" + j.to("base"),
				"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes",
			}
		},
		prepare: func(job) [][]string { return [][]string{{"borg", "init", "--encryption=none"}} },
		steps:   map[string]step{},
	}
	if t.version != "" && !strings.HasPrefix(t.version, "borg 1.") {
		t.unfit = t.version + " has another command line than borg 1, which is the one that is known here"
	}
	for _, ph := range phases {
		t.steps[ph.name] = step{"borg create", func(j job) [][]string {
			return [][]string{{"borg", "create", "::" + ph.name, j.src}}
		}}
	}
	return t
}
