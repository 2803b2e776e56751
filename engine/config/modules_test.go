package config

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestModules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, `
# modules
[modules]
acme = { git = "https://git.example.org/policies.git", version = "v1.4.0" } # a tag
corp.oci = "registry.example.org:5000/backup/policies"
corp.version = "2.1.0"
[modules.lab]
path = "../lab-policies"
[publish]
licence = "MIT"
`, dir, "sub", FileName)
	cfg := load(t, Sources{Dir: filepath.Dir(path), Home: dir})
	want := map[string]Module{
		"acme": {Git: "https://git.example.org/policies.git", Version: "v1.4.0"},
		"corp": {OCI: "registry.example.org:5000/backup/policies", Version: "2.1.0"},
		"lab":  {Path: filepath.Join(dir, "lab-policies")},
	}
	for name, m := range want {
		if cfg.Modules[name] != m {
			t.Errorf("%s is %v, want %v", name, cfg.Modules[name], m)
		}
	}
	if cfg.Publish.Licence != "MIT" {
		t.Errorf("publish is %v", cfg.Publish)
	}
	var lines []string
	for _, s := range cfg.Settings()[len(keys):] {
		lines = append(lines, s.String()+" from "+strings.TrimPrefix(s.Origin, path))
	}
	got := strings.Join(lines, "\n")
	if got != `modules.acme = { git = "https://git.example.org/policies.git", version = "v1.4.0" } from :4
modules.corp = { oci = "registry.example.org:5000/backup/policies", version = "2.1.0" } from :5
modules.lab = { path = "`+filepath.Join(dir, "lab-policies")+`" } from :7` {
		t.Errorf("the settings say\n%s", got)
	}
}

// What is wrong with a module is said with its line, and no password with it.
func TestModulesRefused(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`a = "https://x"`: `2: modules.a: want a table such as { git = `,
		`a = { git = "https://h/r", oci = "h/r", version = "v1.0.0" }`:    "want one of git, oci and path",
		`a = { version = "v1.0.0" }`:                                      "want one of git, oci and path",
		`a = { git = "https://h/r" }`:                                     `want a version such as "v1.4.0"`,
		`a = { git = "https://h/r", version = "latest" }`:                 `version "latest" is no whole semantic version`,
		`a = { git = "https://h/r", version = "v1" }`:                     `version "v1" is no whole semantic version`,
		`a = { git = "https://h/r", version = "main" }`:                   `version "main" is no whole semantic version`,
		`a = { git = "https://h/r", version = "v1.0.0", commit = "x"}`:    `want either a version or a commit`,
		`a = { git = "https://h/r", commit = "abcdef" }`:                  `is not all of a commit's id`,
		`a = { git = "https://h/r", branch = "main" }`:                    "unknown key branch: want commit, git, oci, path or version",
		`a = { git = 7, version = "v1.0.0" }`:                             "git: want a string, not an integer",
		`a = { git = "https://u:geheim@h/r", version = "v1.0.0" }`:        `"https://u:xxxxx@h/r": a password does not belong here`,
		`a = { git = "https://u@h/r", version = "v1.0.0" }`:               `a user does not belong here`,
		`a = { git = "http://h/r", version = "v1.0.0" }`:                  `http goes unencrypted, and only to this machine`,
		`a = { git = "--upload-pack=x", version = "v1.0.0" }`:             `want https://…, ssh://… or file:///…`,
		`a = { git = "ssh://-oProxyCommand=x/r", version = "v1.0.0" }`:    `want https://…, ssh://… or file:///…`,
		`a = { git = "ext::sh -c x", version = "v1.0.0" }`:                `want https://…, ssh://… or file:///…`,
		`a = { git = "ext::x", version = "v1.0.0" }`:                      `want https://…, ssh://… or file:///…`,
		`a = { git = "../r", version = "v1.0.0" }`:                        `want https://…, ssh://… or file:///…`,
		`a = { git = "file://host/r", version = "v1.0.0" }`:               `want https://…, ssh://… or file:///…`,
		`a = { git = "https://h:geheim%zz/r", version = "v1.0.0" }`:       `git = …: no URL`,
		`a = { oci = "h/r:1.0.0", version = "1.0.0" }`:                    `want a registry and a repository`,
		`a = { oci = "-h/r", version = "1.0.0" }`:                         `want a registry and a repository`,
		`a = { oci = "https://h/r", version = "1.0.0" }`:                  `want a registry and a repository`,
		`a = { oci = "h/r", commit = "` + strings.Repeat("a", 40) + `" }`: `a registry has no commits`,
		`a = { path = "." }`:                                              `the folder of this phlb.toml itself`,
		`a = { path = "x", version = "v1.0.0" }`:                          `a folder has no version`,
		`std = { path = "x" }`:                                            `std comes with phlb`,
		`Acme = { path = "x" }`:                                           `"Acme" is no name for a module: want small letters`,
		`"../x" = { path = "x" }`:                                         `no name for a module`,
		`nul = { path = "x" }`:                                            `the name of a device on Windows`,
		strings.Repeat("a", 65) + ` = {path="x"}`:                         `no name for a module`,
	} {
		_, err := parse("/phlb.toml", []byte("[modules]\n"+line), "")
		switch {
		case err == nil || !strings.Contains(err.Error(), want):
			t.Errorf("%s: error %v, want %q", line, err, want)
		case strings.Contains(err.Error(), "geheim"):
			t.Errorf("%s: tells a password: %v", line, err)
		}
	}
	for _, good := range []string{
		"https://h/r", "https://h:8443/a/b.git", "ssh://git@h:22/r", "git@example.org:me/policies.git", "file:///srv/git/p.git",
		"http://127.0.0.1:80/r", "http://[::1]:80/r", "git://localhost/r",
	} {
		if err := (Module{Git: good, Version: "v1.0.0-rc.1"}).Check(); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

// A module declares what it needs, and nothing by a path.
func TestParseModules(t *testing.T) {
	t.Parallel()
	all, err := ParseModules("@a//phlb.toml", []byte("backup_path = 7\nunheard = 1\n[modules]\nb = { oci = 'h/r', version = '1.0.0' }\n"))
	if err != nil || all["b"] != (Module{OCI: "h/r", Version: "1.0.0"}) {
		t.Errorf("modules %v, error %v", all, err)
	}
	for text, want := range map[string]string{
		"[modules]\nb = { path = '../b' }":      "@a//phlb.toml: modules.b: a path leads out of the module",
		"[modules]\nb = {":                      "@a//phlb.toml:2:",
		"modules = 1":                           "@a//phlb.toml: modules: want a table, not an integer",
		"[modules]\nb = { git = 'https://h' }":  "@a//phlb.toml: modules.b: want a version",
		"[modules]\n[modules.b]\ngit = [1]\n\n": "modules.b: git: want a string, not a list",
	} {
		if _, err := ParseModules("@a//phlb.toml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func TestSetModule(t *testing.T) {
	t.Parallel()
	m := &Module{Git: "https://h/r", Version: "v1.1.0"}
	const line = `a = { git = "https://h/r", version = "v1.1.0" }`
	for _, tt := range []struct {
		name, before string
		m            *Module
		after, err   string
	}{
		{"Empty", "", m, "[modules]\n" + line + "\n", ""},
		{"NoTable", "# mine\nmatch = 'exact' # so\n\n", m, "# mine\nmatch = 'exact' # so\n\n[modules]\n" + line + "\n", ""},
		{"Append", "[modules]\nb = {path='x'} # b\n\n[limits]\nsteps = 1\n", m, "[modules]\nb = {path='x'} # b\n" + line + "\n\n[limits]\nsteps = 1\n", ""},
		{"NoNewline", "[modules]\nb = {path='x'}", m, "[modules]\nb = {path='x'}\n" + line + "\n", ""},
		{"EmptyTable", "[modules] # none\n[limits]\n", m, "[modules] # none\n" + line + "\n[limits]\n", ""},
		{"Replace", "[modules]\na = { git = 'https://h/r', version = 'v1.0.0' } # why\nb = {path='x'}\n", m, "[modules]\n" + line + " # why\nb = {path='x'}\n", ""},
		{"ReplaceTable", "[modules.a]\ngit = 'https://h/r'\n# why\nversion = 'v1.0.0'\n\n[limits]\nsteps = 1\n", m,
			"# why\n\n[limits]\nsteps = 1\n\n[modules]\n" + line + "\n", ""},
		{"Dotted", "modules.a = {path='y'}\nmatch = 'exact'\n", m, "modules." + line + "\nmatch = 'exact'\n", ""},
		{"Remove", "[modules]\na = {path='y'} # why\nb = {path='x'}\n", nil, "[modules]\nb = {path='x'}\n", ""},
		{"RemoveLast", "[modules]\na = {path='y'}", nil, "[modules]\n", ""},
		{"RemoveDotted", "[modules]\na.git = 'https://h/r'\nb = {path='x'}\na.version = 'v1.0.0'\n", nil, "[modules]\nb = {path='x'}\n", ""},
		{"ErrRemove", "[modules]\nb = {path='x'}\n", nil, "", "it is not declared there"},
		{"ErrInline", "modules = { b = {path='x'} }\n", m, "", "please change it by hand, so that it writes " + line + " there"},
		{"ErrInlineRemove", "modules = { a = {path='x'} }\n", nil, "", "it is not declared there"},
		{"CRLF", "[modules]\r\nb = {path='x'}\r\n", m, "[modules]\r\nb = {path='x'}\r\n" + line + "\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			after, err := edit([]byte(tt.before), "a", tt.m)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || string(after) != tt.after {
				t.Errorf("error %v, text\n%s\nwant\n%s", err, after, tt.after)
			}
		})
	}
}
