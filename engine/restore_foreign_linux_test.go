package engine_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine"
	"phlb/engine/repository"
)

// TestRestorePrivileged restores what gives rights to whoever runs or opens it:
// from one's own root as it was, from another's only if asked to.
func TestRestorePrivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make devices and to give files away")
	}
	capability := []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for _, test := range []struct {
		name             string
		foreign          func(r *repo)
		privileged, kept bool
	}{
		{"Own", func(*repo) {}, false, true},
		{"OtherHost", func(r *repo) { r.hostname = "other" }, false, false},
		{"OtherHostPrivileged", func(r *repo) { r.hostname = "other" }, true, true},
		{"OtherOwner", func(r *repo) { r.must(os.Chown(r.root, 1000, 1000)) }, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			r.write("setuid", "1", "setgid", "2", "capable", "3", "plain", "4", "folder/f", "5")
			r.must(unix.Chmod(r.in("setuid"), 0o4755))
			r.must(unix.Chmod(r.in("setgid"), 0o2755))
			r.must(unix.Chmod(r.in("folder"), 0o2755)) // says whose group files in it get
			if err := unix.Lsetxattr(r.in("capable"), "security.capability", capability, 0); err != nil {
				t.Skip("no capabilities here:", err)
			}
			if err := unix.Mknod(r.in("device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))); err != nil {
				t.Skip("no devices here:", err)
			}
			r.must(unix.Mknod(r.in("block"), unix.S_IFBLK|0o600, int(unix.Mkdev(7, 7))))
			s := r.backup()
			test.foreign(r)
			done := r.restore(s, engine.Restoration{Privileged: test.privileged})
			if want := map[bool]int64{true: 0, false: 5}[test.kept]; done.Privileged != want || !done.OK() {
				t.Errorf("%d were left out, want %d; problems %v", done.Privileged, want, done.Problems)
			}
			mode := func(path string) uint32 {
				var info unix.Stat_t
				if unix.Lstat(r.to("to/"+path), &info) != nil {
					return 0
				}
				return info.Mode & 0o7777
			}
			got := [...]uint32{mode("setuid"), mode("setgid"), mode("device"), mode("block"), mode("folder")}
			want := [...]uint32{0o755, 0o755, 0, 0, 0o2755}
			if test.kept {
				want = [...]uint32{0o4755, 0o2755, 0o600, 0o600, 0o2755}
			}
			if got != want {
				t.Errorf("modes are %o, want %o", got, want)
			}
			_, err := unix.Lgetxattr(r.to("to/capable"), "security.capability", make([]byte, 64))
			if (err == nil) != test.kept {
				t.Errorf("the capability: %v", err)
			}
		})
	}
}

// TestForeignRoot reads the root of another host, and leaves no trace in it.
func TestForeignRoot(t *testing.T) {
	r := newRepo(t)
	r.write("a", "1")
	r.must(unix.Chmod(r.in("a"), 0o4755))
	s := r.backup()
	r.must(os.Remove(r.config.Catalog)) // what is not there would be made
	before := treeOf(t, r.root)
	e := engine.Open(r.config, engine.Environment{
		Host: "other", Home: "/home/nobody", TempDir: t.TempDir(), Now: r.now, StateDir: r.to("state"),
		Log: slog.NewTextHandler(r.log, nil), ForeignRoot: true,
	})
	found, err := e.Snapshots(t.Context(), "")
	if err != nil || len(found) != 1 || found[0].Ref() != s.Ref() {
		t.Fatalf("snapshots are %v, %v", found, err)
	}
	if report, err := e.Verify(t.Context(), found[0], engine.Check{Sample: 1}); err != nil || !report.OK() {
		t.Errorf("verify: %v, %v", report, err)
	}
	if done, err := e.Restore(t.Context(), found[0], engine.Restoration{To: r.to("to")}); err != nil || done.Files != 1 || done.Dry {
		t.Errorf("restore: %v, %v", done, err)
	}
	if text, err := os.ReadFile(r.to("to/a")); string(text) != "1" {
		t.Errorf("restored is %q, %v", text, err)
	}
	// Whoever says that the root is of others is believed, whatever its manifests say.
	same := engine.Open(r.config, engine.Environment{
		Host: s.Host, Home: "/home/nobody", TempDir: t.TempDir(), Now: r.now, StateDir: r.to("state"),
		Log: slog.NewTextHandler(r.log, nil), ForeignRoot: true,
	})
	if done, err := same.Restore(t.Context(), found[0], engine.Restoration{To: r.to("same")}); err != nil || done.Privileged != 1 {
		t.Errorf("restore on the same host: %v, %v", done, err)
	}
	if info, err := os.Stat(r.to("same/a")); err != nil || info.Mode() != 0o755 {
		t.Errorf("restored on the same host with mode %v, %v", info.Mode(), err)
	}
	for verb, err := range map[string]error{
		"backup": func() error { _, err := e.Backup(t.Context(), engine.Source{Root: r.source}); return err }(),
		"remove": func() error { _, err := e.Remove(t.Context(), found[0]); return err }(),
		"add":    func() error { _, err := e.Adopt(t.Context(), ""); return err }(),
		"heal": func() error {
			_, err := e.Verify(t.Context(), found[0], engine.Check{Sample: 1, Heal: true})
			return err
		}(),
		"unlock": func() error { _, err := e.Unlock(t.Context(), "source", false); return err }(),
	} {
		if !errors.Is(err, repository.ErrForeignRoot) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if after := treeOf(t, r.root); after != before {
		t.Errorf("the root has changed:\n%s\nwas\n%s", after, before)
	}
	if _, err := os.Stat(r.to("state")); err == nil {
		t.Error("the root is remembered")
	}
}

// treeOf lists a tree with all that a write to it would change.
func treeOf(t *testing.T, root string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var info unix.Stat_t
		if err := unix.Lstat(path, &info); err != nil {
			return err
		}
		fmt.Fprintln(&list, path, info.Ino, info.Mode, info.Uid, info.Size, info.Mtim, info.Ctim)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}
