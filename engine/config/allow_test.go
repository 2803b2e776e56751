package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAllow holds that what is granted to a module counts in a trusted file alone.
func TestAllow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const text = `[modules]
acme = { path = "acme" }
[allow.acme]
effects = ["read", "link"]
run = ["pg_dump"]
limits = { steps = 7, time = "5m", memory = "1MiB" }
`
	path := write(t, text, dir, FileName)
	state := filepath.Join(dir, "state")
	var told []string
	s := Sources{Dir: dir, Home: dir, StateDir: state, PassedOver: func(e *Error) { told = append(told, e.Error()) }}
	if cfg := load(t, s); len(cfg.Allow) > 0 || !strings.Contains(strings.Join(told, "\n"), path+":3: allow.acme does not count here: phlb trust ") {
		t.Errorf("a file that is not trusted grants %v, and told was %q", cfg.Allow, told)
	}
	granted, err := Trust(state, path, dir)
	const want = `allow.acme = { effects = ["read", "link"], run = ["pg_dump"], limits = { steps = 7, time = "5m0s", memory = 1048576 } }`
	if err != nil || len(granted) != 1 || granted[0].String() != want {
		t.Errorf("trusted %v, %v", granted, err)
	}
	cfg := load(t, s)
	g := cfg.Allow["acme"]
	if !slices.Equal(g.Effects, []string{"read", "link"}) || !slices.Equal(g.Run, []string{"pg_dump"}) || g.Net != nil ||
		g.Limits != (Limits{7, 5 * time.Minute, 1 << 20}) {
		t.Errorf("granted is %+v", g)
	}
	if at := cfg.Origin("allow.acme.run"); at != path+":5" {
		t.Errorf("run comes from %s", at)
	}
	if err := os.WriteFile(path, []byte(text+"net = [\"x\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if cfg := load(t, s); len(cfg.Allow) > 0 {
		t.Errorf("a file that has changed grants %v", cfg.Allow)
	}
}

// What is wrong with a grant is said with its line.
func TestAllowRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"acme = 1":                                     `:4: allow.acme: want a table such as { effects = ["read", "link"] }, not an integer`,
		"other = {}":                                   ":4: allow.other: there is no module other under [modules]",
		"acme.effects = ['link', 'fly']":               `:4: allow.acme.effects: "fly" is no effect: want read, link, remove, restore or heal`,
		"acme.effects = 'link'":                        ":4: allow.acme.effects: want a list of strings, not a string",
		"[allow.acme]\n\nrun = 1":                      ":6: allow.acme.run: want a list of strings",
		"acme.rum = []":                                ":4: allow.acme.rum: unknown key: want effects, run, net, env or limits",
		"acme = { limits = 1 }":                        `:4: allow.acme.limits: want a table such as { time = "5m" }, not an integer`,
		"acme.limits = { time = 'soon' }":              ":4: allow.acme.limits: time: want a duration",
		"acme.limits.thyme = 1":                        ":4: allow.acme.limits: thyme: unknown key: want steps, time or memory",
		"acme = { limits = { steps = -1 } }":           ":4: allow.acme.limits: steps: want a whole number",
		"acme = { effects = [] }\nacme = { run = [] }": "key acme is already defined",
	} {
		dir := t.TempDir()
		write(t, "[modules]\nacme = { path = 'acme' }\n[allow]\n"+text+"\n", dir, FileName)
		if _, err := Load(Sources{Dir: dir, Home: dir}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
}
