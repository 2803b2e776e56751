package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNoFiles puts a FIFO, a device without an end and a file without an end into the
// place of whatever phlb reads beside the files that it backs up: a command ends,
// says which it was, and does not take it into memory.
func TestNoFiles(t *testing.T) {
	things := map[string]func(path string) error{
		"fifo":   func(path string) error { return unix.Mkfifo(path, 0o600) },
		"device": func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))) }, // zero(4)
		"endless": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
		},
	}
	for place, at := range map[string]struct {
		path string // below a folder with root, docs and home; STAMP is that of the snapshot
		args []string
		code int
		want string // for a FIFO or a device
		long string // for a file without an end, which has the same code, or "" where it does no harm
	}{
		"manifest":                  {"root/docs/STAMP.sha256.gz", []string{"verify", "docs"}, 4, "STAMP.sha256.gz: not a regular file; move it away", "gzip: invalid header; move it away"},
		"log":                       {"root/docs/2001-02-03-040506.log", []string{"add"}, 1, "040506.log is in the place of a log: move it away", "040506.log is longer than 1 GiB, .*: move it away"},
		"lock":                      {"root/.phlb/locks/name-docs", []string{"backup", "docs"}, 1, ".phlb/locks/name-docs is in the place of a lock: not a regular file: remove it", ""},
		"record of a lock":          {"root/.phlb/locks/held/name-docs/77", []string{"backup", "docs"}, 1, "held/name-docs/77 is in the place of a record of a lock: .*: remove it", "held/name-docs/77 is no record of a lock, it is longer than 4096 bytes: remove it"},
		"ignore file":               {"docs/sub/.ignore", []string{"exec", "ignore.star"}, 0, "warning: ignore file: sub/.ignore: is not obeyed: not a regular file", "sub/.ignore: is not obeyed: larger than 64 KiB"},
		"settings":                  {"home/.config/phlb/phlb.toml", []string{"config", "--debug"}, -1, "phlb.toml: it is passed over, since it is no regular file: move it away", "phlb.toml is larger than 1 MiB, which no settings are"},
		"settings found":            {"phlb.toml", []string{"exec", "script.star"}, -1, "phlb.toml: it is passed over, since it is no regular file: move it away", "phlb.toml is larger than 1 MiB, which no settings are"},
		"settings that are written": {"phlb.toml", []string{"mod", "add", "mods", "path:mods"}, -1, "phlb.toml: it is passed over, since it is no regular file: move it away", "phlb.toml is larger than 1 MiB, which no settings are"},
		"lock of modules":           {"home/.config/phlb/phlb.lock", []string{"mod", "add", "mods", "path:mods"}, -1, "phlb.lock: it is passed over, since it is no regular file: move it away", "phlb.lock is larger than 1 MiB, which no settings are"},
		"roots that were seen":      {"home/.local/state/phlb/root-*.json", []string{"backup", "docs"}, 0, "", ""},
		"what is trusted":           {"home/.local/state/phlb/trusted", []string{"exec", "script.star"}, 0, "", ""},
		"metrics":                   {"phlb.prom", []string{"backup", "docs", "--metrics", "phlb.prom"}, -1, "read .*phlb.prom: is no regular file", "phlb.prom: is larger than 16 MiB"},
		"catalog":                   {"root/.phlb/catalog.ql", []string{"snapshots"}, -1, "catalog.ql is a (fifo|character device): move it away", "catalog is damaged, rebuilding it"},
		"catalog that is written":   {"root/.phlb/catalog.ql", []string{"backup", "docs"}, -1, "catalog.ql is a (fifo|character device): move it away", "catalog is damaged, rebuilding it"},
		"module":                    {"lib.star", []string{"exec", "script.star"}, 2, "script.star:1:1: read lib.star: is no regular file", "read lib.star: is larger than 4 MiB, which no script is"},
		"script":                    {"script.star", []string{"exec", "script.star"}, 2, "script.star: is no regular file", "script.star: is larger than 4 MiB, which no script is"},
		"identity":                  {"root/.phlb/root", []string{"backup", "docs"}, 1, ".phlb/root is not what names a root: .*: move it away", ".phlb/root is not what names a root: .*: move it away"},
		"journal":                   {"root/.phlb/record", []string{"backup", "docs"}, 1, ".phlb/record is in the place of a record: not a regular file: move it away", ".phlb/record, is longer than 1 GiB: move it away"},
		"reserve":                   {"root/.phlb/reserve", []string{"backup", "docs"}, 0, "", ""},
	} {
		for thing, put := range things {
			t.Run(place+"/"+thing, func(t *testing.T) {
				must := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				dir := t.TempDir()
				in := func(path string) string { return filepath.Join(dir, path) }
				for path, text := range map[string]string{
					"docs/a": "a", "mods/m.star": "def f():\n    pass\n", "docs/sub/b": "b", "lib.star": "def f():\n    pass\n",
					"script.star":                 "load('lib.star', 'f')\ndef main():\n    f()\n",
					"ignore.star":                 "def main():\n    link(scan(\"docs\", ignore_files = [\".ignore\"], skip = [\".ignore\"]))\n",
					"home/.config/phlb/phlb.toml": "skip_patterns = [\".ignore\"]\n",
				} {
					must(os.MkdirAll(filepath.Dir(in(path)), 0o755))
					must(os.WriteFile(in(path), []byte(text), 0o600))
				}
				phlb := func(args ...string) (int, string, int64) {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
					defer cancel()
					cmd := exec.CommandContext(ctx, "phlb", args...)
					cmd.Dir = dir
					cmd.Env = append(os.Environ(), "HOME="+in("home"), "XDG_CONFIG_HOME="+in("home/.config"), "XDG_STATE_HOME="+in("home/.local/state"), "PHLB_BACKUP_PATH="+in("root"))
					out, err := cmd.CombinedOutput()
					if ctx.Err() != nil {
						t.Fatalf("phlb %q does not end: %s", args, out)
					}
					if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
						t.Fatal(err)
					}
					return cmd.ProcessState.ExitCode(), string(bytes.TrimSpace(out)), int64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) >> 10
				}
				if code, out, _ := phlb("backup", "docs"); code != 0 {
					t.Fatal(out)
				}
				stamps, err := filepath.Glob(in("root/docs/2*.sha256.gz"))
				must(err)
				stamp, _ := strings.CutSuffix(filepath.Base(stamps[0]), ".sha256.gz")
				path := in(strings.ReplaceAll(at.path, "STAMP", stamp))
				switch place {
				case "log":
					must(os.MkdirAll(strings.TrimSuffix(path, ".log"), 0o700))
				case "settings that are written": // there are no others
					must(os.Remove(in("home/.config/phlb/phlb.toml")))
				case "what is trusted":
					must(os.WriteFile(in("phlb.toml"), []byte("allow_env = [\"HOME\"]\n"), 0o600))
				case "roots that were seen":
					seen, err := filepath.Glob(path)
					must(err)
					path = seen[0]
				}
				must(os.MkdirAll(filepath.Dir(path), 0o700))
				must(os.RemoveAll(path))
				if err := put(path); errors.Is(err, unix.EPERM) || errors.Is(err, unix.EFBIG) {
					t.Skip(err)
				} else {
					must(err)
				}
				code, out, memory := phlb(at.args...)
				want := at.want
				if thing == "endless" {
					want = at.long
				}
				want = strings.ReplaceAll(want, "STAMP", stamp)
				switch {
				case want == "" && thing == "endless" && code == 0: // nobody reads it
				case at.code >= 0 && code != at.code, !regexp.MustCompile(want).MatchString(out), strings.Contains(out, "goroutine "):
					t.Errorf("phlb %q: exit %d, want %d and %q: %s", at.args, code, at.code, want, out)
				}
				if memory > 400 {
					t.Errorf("phlb %q took %d MiB", at.args, memory)
				}
			})
		}
	}
}
