package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

func phlbTool(name, path, script string) tool {
	label := "phlb exec " + filepath.Base(script)
	return tool{
		name: name, needs: []string{path},
		env:   func(j job) []string { return []string{"PHLB_BACKUP_PATH=" + j.dir} },
		steps: always(step{label, func(j job) [][]string { return [][]string{{path, "exec", script, j.src}} }}),
	}
}

// The two tools of -where run the same script, but for the callback.
const (
	plainTool = "phlb-plain"
	whereTool = "phlb-where"
)

//go:embed scripts/*.star
var scripts embed.FS

// unpack writes the script of one of these tools to a file.
func unpack(tool, dir string) (string, error) {
	name := strings.TrimPrefix(tool, "phlb-") + ".star"
	data, err := scripts.ReadFile("scripts/" + name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, data, 0o600)
}

// A program is a phlb and the policy that it is measured with.
type program struct{ path, script string }

// findPhlb takes what the options name, and for the rest looks into the module
// that the working directory is in.
func findPhlb(ctx context.Context, o options, bin string) (program, error) {
	p := program{path: o.phlb, script: o.script}
	if p.path == "" {
		p.path = filepath.Join(bin, "phlb")
		if runtime.GOOS == "windows" {
			p.path += ".exe"
		}
		build := exec.CommandContext(ctx, "go", "build", "-o", p.path, "phlb/cmd/phlb")
		if out, err := build.CombinedOutput(); err != nil {
			return p, fmt.Errorf("build phlb: %w\n%srun this in the checkout of phlb, give -phlb PATH, or leave it out with -tools", err, out)
		}
	}
	if p.script == "" {
		root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
		if err != nil {
			return p, errors.New("there is no scripts/backup.star to run: give -script FILE, or run this in the checkout of phlb")
		}
		p.script = filepath.Join(strings.TrimSpace(string(root)), "scripts", "backup.star")
	}
	var err error
	for _, path := range []*string{&p.path, &p.script} {
		if *path, err = filepath.Abs(*path); err != nil {
			return p, err
		}
		if _, err = os.Stat(*path); err != nil {
			return p, err
		}
	}
	return p, nil
}
