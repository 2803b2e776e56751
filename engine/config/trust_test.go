package config

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestTrust holds that a file which is found, and not the user's own, permits
// something only while it is as it was when the user said so.
func TestTrust(t *testing.T) {
	dir := t.TempDir()
	path := write(t, "allow_run = ['sh']\nallow_net = ['host']\nallow_env = ['HOME']\nskip_dirs = ['x']\n[limits]\nsteps = 7\n", dir, FileName)
	state := filepath.Join(dir, "state", "phlb")
	var told []string
	s := Sources{Dir: dir, Home: dir, StateDir: state, UserConfigDir: filepath.Join(dir, "etc"), PassedOver: func(e *Error) { told = append(told, e.Error()) }}
	why := "here: phlb trust " + dir
	check := func(name string, permits bool) {
		t.Helper()
		told = nil
		cfg := load(t, s)
		if slices.Equal(cfg.AllowRun, []string{"sh"}) != permits || (cfg.Limits.Steps == 7) != permits {
			t.Errorf("%s: it permits %v to %v steps", name, cfg.AllowRun, cfg.Limits.Steps)
		}
		if slices.Equal(cfg.AllowNet, []string{"host"}) != permits || slices.Equal(cfg.AllowEnv, []string{"HOME"}) != permits || !permits && len(cfg.AllowNet)+len(cfg.AllowEnv) > 0 {
			t.Errorf("%s: it permits hosts %v and variables %v", name, cfg.AllowNet, cfg.AllowEnv)
		}
		if !slices.Equal(cfg.SkipDirs, []string{"x"}) {
			t.Errorf("%s: its rules do not count", name)
		}
		if said := strings.Contains(strings.Join(told, "\n"), "allow_run does not count "+why); said == permits {
			t.Errorf("%s: told %q", name, told)
		}
	}
	check("found", false)
	if permits, err := Trust(state, path, dir); err != nil || len(permits) != 4 || permits[0].Key != "allow_run" {
		t.Fatalf("trusted %v, %v", permits, err)
	}
	check("trusted", true)
	if err := os.WriteFile(path, []byte("allow_run = ['sh']\nallow_net = ['host']\nallow_env = ['HOME']\nskip_dirs = ['x']\n[limits]\nsteps = 7 # changed\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	why = "any more: the file has changed since phlb trust, which phlb mod add, update and remove do, too; look at it, and phlb trust " + dir
	check("changed", false)
	write(t, "allow_run = ['sh']\nallow_net = ['host']\nallow_env = ['HOME']\nskip_dirs = ['x']\n[limits]\nsteps = 7\n", dir, "elsewhere", FileName)
	s.Dir, why = filepath.Join(dir, "elsewhere"), "here: phlb trust "
	check("elsewhere", false)
	if err := os.Remove(filepath.Join(dir, "elsewhere", FileName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	own := write(t, "allow_run = ['sh']\nallow_net = ['host']\nallow_env = ['HOME']\nskip_dirs = ['x']\nlimits.steps = 7\n", dir, "etc", "phlb", FileName)
	check("own", true)

	if runtime.GOOS != "windows" {
		if err := os.Chmod(own, 0o664); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(s); err == nil || !strings.Contains(err.Error(), "others may write to it: chmod go-w "+own) {
			t.Errorf("own, writable by others: %v", err)
		}
		theirs := write(t, "skip_dirs = ['y']", dir, FileName)
		if err := os.Chmod(theirs, 0o646); err != nil {
			t.Fatal(err)
		}
		if _, err := Trust(state, theirs, dir); err == nil || !strings.Contains(err.Error(), "since others may write to it") {
			t.Errorf("trusted what others may write to: %v", err)
		}
	}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"steps = -1":         "limits.steps = -1: want a whole number, 0 for the default",
		"time = 'soon'":      `limits.time = "soon": want a duration such as "90s" or "5m"`,
		"memory = 'a lot'":   `limits.memory = "a lot": want a size such as "256MiB"`,
		"stepz = 1":          "unknown key limits.stepz: ",
		"steps = 1\na.b = 1": "unknown key limits.a",
	} {
		write(t, "[limits]\n"+text, dir, FileName)
		if _, err := Load(Sources{Dir: dir, Home: dir}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
