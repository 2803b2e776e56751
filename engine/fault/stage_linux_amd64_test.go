package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limit is how long a process may take that needs a thirtieth of a second.
const limit = 2 * time.Minute

// A stage is a folder in which a scenario is played: root/ is the backup root,
// to/ what is restored, tmp/ and home/ what the environment names. The source is
// the same on all stages of a scenario, since a copy would have other inodes.
type stage struct {
	dir    string
	source string
	labels *labels
}

// A result is how a process ended.
type result struct {
	code           int  // -1 where a signal ended it
	killed         bool // by SIGKILL
	hung           bool
	stdout, stderr string // without what differs from run to run
	raw            string // stdout as it was
}

func (s *stage) in(path ...string) string { return filepath.Join(append([]string{s.dir}, path...)...) }

// open makes the folders that are not there yet.
func (s *stage) open() error {
	for _, name := range []string{"tmp", "home"} {
		if err := os.MkdirAll(s.in(name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) environment() []string {
	return []string{
		"HOME=" + s.in("home"), "TMPDIR=" + s.in("tmp"), "PATH=/usr/bin:/bin", "TZ=UTC", "LC_ALL=C",
		"GODEBUG=asyncpreemptoff=1", // its signals would stop threads that are traced
	}
}

// args puts the stage's own paths in the place of SOURCE, TO and the names of
// snapshots.
func (s *stage) args(line string) []string {
	args := []string{command, "--backup-path", s.in("root")}
	for word := range strings.FieldsSeq(line) {
		switch word {
		case "SOURCE":
			word = s.source
		case "TO":
			word = s.in("to")
		}
		for stamp, name := range s.labels.stamps {
			if word == "docs/"+name {
				word = "docs/" + stamp
			}
		}
		args = append(args, strings.ReplaceAll(word, "_", " "))
	}
	return args
}

// phlb runs a command without a tracer.
func (s *stage) phlb(line string) result {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	args := s.args(line)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var out, err bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.environment(), &out, &err
	failed := cmd.Run()
	r := result{code: cmd.ProcessState.ExitCode(), hung: ctx.Err() != nil, raw: out.String(), stdout: s.labels.text(out.String()), stderr: s.labels.text(err.String())}
	if failed != nil && r.code <= 0 && !r.hung {
		r.stderr += failed.Error()
	}
	return r
}

// traced runs a command under the tracer.
func (s *stage) traced(line string, ask func(*call) (verdict, unix.Errno)) (result, error) {
	return s.trace(s.args(line), ask)
}

func (s *stage) trace(argv []string, ask func(*call) (verdict, unix.Errno)) (result, error) {
	var files [2]*os.File
	for i := range files {
		fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
		if err != nil {
			return result{}, err
		}
		files[i] = os.NewFile(uintptr(fd), "output")
		defer files[i].Close()
	}
	p := &program{argv: argv, env: s.environment(), dir: s.dir, out: files[0], err: files[1], wait: limit, ask: ask}
	status, err := p.run()
	r := result{code: status.ExitStatus(), killed: status.Signaled() && status.Signal() == unix.SIGKILL, hung: errors.Is(err, errHang)}
	if err != nil && !r.hung {
		return r, err
	}
	for i, to := range []*string{&r.stdout, &r.stderr} {
		data, err := io.ReadAll(io.NewSectionReader(files[i], 0, 1<<20))
		if err != nil {
			return r, err
		}
		*to = s.labels.text(string(data))
	}
	return r, nil
}

// must runs a command that prepares a scenario.
func (s *stage) must(t *testing.T, line string, codes ...int) {
	t.Helper()
	if r := s.phlb(line); r.code != 0 && !slices.Contains(codes, r.code) {
		t.Fatalf("phlb %s: exit code %d\n%s%s", line, r.code, r.stdout, r.stderr)
	}
}

// snapshots returns the sealed ones, by NAME/STAMP: the directories that a
// manifest lies beside, see engine/store.
func (s *stage) snapshots() (names []string) {
	manifests, _ := filepath.Glob(s.in("root", "*", "*.sha256.gz"))
	for _, path := range manifests {
		tree := strings.TrimSuffix(path, ".sha256.gz")
		if info, err := os.Lstat(tree); err == nil && info.IsDir() {
			name, _ := filepath.Rel(s.in("root"), tree)
			names = append(names, name)
		}
	}
	return names
}

// A sealed is what snapshots hold, by NAME/STAMP.
type sealed map[string]map[string]node

// sealed returns what the sealed snapshots hold, with manifest and log.
func (s *stage) sealed() (sealed, error) {
	out := sealed{}
	for _, name := range s.snapshots() {
		tree := s.in("root", name)
		nodes, err := list(tree)
		if err != nil {
			return nil, fmt.Errorf("a sealed snapshot cannot be read: %w", err)
		}
		for beside, suffix := range map[string]string{"(manifest)": ".sha256.gz", "(log)": ".log"} {
			if n, err := look(tree + suffix); err == nil {
				nodes[beside] = n
			}
		}
		out[name] = nodes
	}
	return out, nil
}

// names returns all that is there but snapshots.
func (s *stage) names() (map[string]bool, error) {
	out := map[string]bool{}
	err := filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == s.in("to") {
			return filepath.SkipDir
		}
		tree := strings.TrimSuffix(strings.TrimSuffix(path, ".sha256.gz"), ".log")
		if info, err := os.Lstat(tree); err == nil && info.IsDir() {
			if _, err := os.Lstat(tree + ".sha256.gz"); err == nil {
				if d.IsDir() {
					return filepath.SkipDir
				}
				return nil
			}
		}
		below, _ := filepath.Rel(s.dir, path)
		out[digitText.ReplaceAllString(s.labels.text(below), "N")] = true
		return nil
	})
	return out, err
}
