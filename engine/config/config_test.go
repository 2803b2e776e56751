package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write makes a file and the folders above it.
func write(t testing.TB, text string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func environment(vars ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, v := range vars {
			if key, value, _ := strings.Cut(v, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
}

func load(t *testing.T, s Sources) *Config {
	t.Helper()
	cfg, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func setting(t *testing.T, cfg *Config, key string) Setting {
	t.Helper()
	for _, s := range cfg.Settings() {
		if s.Key == key {
			return s
		}
	}
	t.Fatalf("no setting %s", key)
	return Setting{}
}

func TestDefaults(t *testing.T) {
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	cfg := load(t, Sources{Dir: dir, Home: home})
	root := filepath.Join(home, "phlb-backups")
	if cfg.Path != "" || cfg.BackupPath != root || cfg.Catalog != filepath.Join(root, ".phlb", "catalog.ql") {
		t.Errorf("paths: %q %q %q", cfg.Path, cfg.BackupPath, cfg.Catalog)
	}
	if cfg.SnapshotFormat != "%Y-%m-%d-%H%M%S" || cfg.Match != MatchPermissions || cfg.Hash != "sha256" ||
		cfg.Unchanged != Size|Mtime|Ctime|Inode || cfg.LogLevel != slog.LevelInfo || cfg.ConsoleLevel != slog.LevelWarn ||
		len(cfg.SkipDirs) != 0 || len(cfg.SkipPatterns) != 0 {
		t.Errorf("%+v", cfg)
	}
	for _, s := range cfg.Settings() {
		if s.Origin != "default" {
			t.Errorf("%s comes from %s", s.Key, s.Origin)
		}
	}
}

func TestSearch(t *testing.T) {
	top := t.TempDir()
	deep := filepath.Join(top, "a", "b", "c")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	s := Sources{Dir: deep, Home: top, UserConfigDir: filepath.Join(top, "etc"), SystemConfigDir: filepath.Join(top, "system")}

	check := func(name, want string) {
		t.Run(name, func(t *testing.T) {
			if got := load(t, s).Path; got != want {
				t.Errorf("found %q, want %q", got, want)
			}
		})
	}
	check("None", "")
	check("System", write(t, "", top, "system", "phlb", FileName))
	check("User", write(t, "", top, "etc", "phlb", FileName))
	check("Above", write(t, "", top, "a", FileName))
	if err := os.Mkdir(filepath.Join(top, "a", "b", FileName), 0o755); err != nil {
		t.Fatal(err)
	}
	check("NotADirectory", filepath.Join(top, "a", FileName))
	check("Here", write(t, "", deep, FileName))

	t.Run("Unreadable", func(t *testing.T) {
		path := filepath.Join(deep, FileName)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("nowhere", path); err != nil {
			t.Skip(err)
		}
		if _, err := Load(s); err == nil {
			t.Error("a file that cannot be read was passed over")
		}
	})
	t.Run("Relative", func(t *testing.T) {
		if _, err := Load(Sources{Dir: "a", Home: top}); err == nil {
			t.Error("searched from a relative directory")
		}
	})
}

func TestValues(t *testing.T) {
	dir := t.TempDir()
	path := write(t, "\ufeff# all of it\n"+
		"backup_path = 'store'\n"+
		"catalog = '~/cat.ql'\n"+
		"snapshot_format = '%F'\n"+
		"skip_dirs = [\n  'node_modules',\n  'build-*',\n]\n"+
		"skip_patterns = ['*.{iso,tmp}', 'a/**/b']\n"+
		"match = 'exact'\n"+
		"unchanged = ['mtime', 'size']\n"+
		"hash = 'sha256'\n"+
		"shrink = 0.25\n"+
		"allow_run = ['pg_dump']\n"+
		"allow_net = ['example.com', 'localhost:8080']\n"+
		"allow_env = ['USER']\n"+
		"log_level = 'debug'\n"+
		"console_level = 'error'\n"+
		"progress_interval = '90s'\n"+
		"[limits]\nsteps = 5\ntime = '90s'\nmemory = '1MiB'\n", dir, FileName)
	home := filepath.Join(dir, "home")
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "state")
	if permits, err := Trust(state, path, home); err != nil || len(permits) != 6 {
		t.Fatalf("trusted %v, %v", permits, err)
	}
	cfg := load(t, Sources{Dir: sub, Home: home, StateDir: state})
	want := []Setting{
		{"backup_path", filepath.Join(dir, "store"), path + ":2"},
		{"catalog", filepath.Join(home, "cat.ql"), path + ":3"},
		{"snapshot_format", "%F", path + ":4"},
		{"skip_dirs", []string{"node_modules", "build-*"}, path + ":5"},
		{"skip_patterns", []string{"*.{iso,tmp}", "a/**/b"}, path + ":9"},
		{"match", "exact", path + ":10"},
		{"unchanged", []string{"size", "mtime"}, path + ":11"},
		{"hash", "sha256", path + ":12"},
		{"shrink", 0.25, path + ":13"},
		{"allow_run", []string{"pg_dump"}, path + ":14"},
		{"allow_net", []string{"example.com", "localhost:8080"}, path + ":15"},
		{"allow_env", []string{"USER"}, path + ":16"},
		{"limits.steps", "5", path + ":21"},
		{"limits.time", "1m30s", path + ":22"},
		{"limits.memory", "1048576", path + ":23"},
		{"log_level", "debug", path + ":17"},
		{"console_level", "error", path + ":18"},
		{"progress_interval", "1m30s", path + ":19"},
	}
	for i, s := range cfg.Settings() {
		if fmt.Sprint(s.Value) != fmt.Sprint(want[i].Value) || s.Key != want[i].Key || s.Origin != want[i].Origin {
			t.Errorf("%v from %s, want %v from %s", s, s.Origin, want[i], want[i].Origin)
		}
	}
	if cfg.Path != path || cfg.Unchanged.Has(Ctime) || cfg.Unchanged.Has(Inode) {
		t.Errorf("%+v", cfg)
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string // one for each error, after the path of the file
	}{
		{"UnknownKey", "\nbackup_pth = 'x'", []string{`:2: unknown key backup_pth: did you mean backup_path?`}},
		{"Dashes", "Skip-Dirs = []", []string{`:1: unknown key Skip-Dirs: did you mean skip_dirs?`}},
		{"FarKey", "colour = 1", []string{`:1: unknown key colour: want backup_path, catalog, snapshot_format, skip_dirs, skip_patterns, match, unchanged, hash, shrink, allow_run, allow_net, allow_env, limits.steps, limits.time, limits.memory, log_level, console_level, progress_interval, modules, allow, publish or check`}},
		{"ManyKeys", "hsah = 1\nmatch = 'exact'\nmach = 1\n'log level' = 1\n[catalogue]\nx = 1\n", []string{
			`:1: unknown key hsah: did you mean hash?`,
			`:3: unknown key mach: did you mean match?`,
			`:4: unknown key "log level": did you mean log_level?`,
			`:5: unknown key catalogue: did you mean catalog?`,
		}},
		{"Everything", "match = 'x'\nmach = 1\nhash = 2\n", []string{
			`:1: match = "x": want permissions, content or exact`,
			`:2: unknown key mach: did you mean match?`,
			`:3: hash = 2: want a string, not an integer`,
		}},
		{"TypeString", "backup_path = true", []string{`:1: backup_path = true: want a string, not a boolean`}},
		{"TypeList", "skip_dirs = 'x'", []string{`:1: skip_dirs = "x": want a list of strings, not a string`}},
		{"TypeElement", "skip_dirs = [\n'x',\n2.5]", []string{`:1: skip_dirs = ["x", 2.5]: want a list of strings, but element 2 is a float`}},
		{"TypeTable", "[match]\nx = 1\n[match.y]\n", []string{`:1: match = {…}: want a string, not a table`}},
		{"TypeTables", "[[skip_dirs]]\nx = 1\n[[skip_dirs]]\n", []string{`:1: skip_dirs = [{…}, {…}]: want a list of strings, but element 1 is a table`}},
		{"TypeDate", "log_level = 2026-01-02", []string{`:1: log_level = 2026-01-02: want a string, not a date or time`}},
		{"Level", "log_level = 'loud'", []string{`:1: log_level = "loud": want debug, info, warn or error`}},
		{"Hash", "hash = 'md5'", []string{`:1: hash = "md5": want sha256 or sha512: two files can be made that have one md5, and one of them would be lost`}},
		{"OtherHash", "hash = 'sha384'", []string{`:1: hash = "sha384": want sha256 or sha512`}},
		{"Unchanged", "unchanged = ['size', 'mtime', 'birth']", []string{`:1: unchanged = ["size", "mtime", "birth"]: "birth" is not one of size, mtime, ctime, inode`}},
		{"UnchangedLess", "unchanged = ['size', 'inode']", []string{`:1: unchanged = ["size", "inode"]: size and mtime must be in it, ctime and inode may`}},
		{"Glob", "skip_patterns = ['*.tmp', '[a']", []string{`:1: skip_patterns = ["*.tmp", "[a"]: "[a": glob: syntax error`}},
		{"GlobRoot", "skip_patterns = ['*.o', '/']", []string{`:1: skip_patterns = ["*.o", "/"]: "/" is the source itself, leave it out`}},
		{"GlobHere", "skip_dirs = ['./']", []string{`:1: skip_dirs = ["./"]: "./" is the source itself, leave it out`}},
		{"GlobEmpty", "skip_dirs = ['']", []string{`:1: skip_dirs = [""]: "" matches nothing, leave it out`}},
		{"PathEmpty", "backup_path = ''", []string{`:1: backup_path = "": want a path`}},
		{"PathUser", "catalog = '~bob/x'", []string{`:1: catalog = "~bob/x": only ~ and ~/ are expanded`}},
		{"FormatSlash", "snapshot_format = '%D'", []string{`:1: snapshot_format = "%D": gives the name "02/03/01", which must not have a slash in it`}},
		{"FormatEmpty", "snapshot_format = ''", []string{`:1: snapshot_format = "": gives an empty name`}},
		{"FormatDot", "snapshot_format = '.%F'", []string{`:1: snapshot_format = ".%F": gives the name ".2001-02-03", which must not start with a dot`}},
		{"FormatNewline", "snapshot_format = '%F%n'", []string{`:1: snapshot_format = "%F%n": gives the name "2001-02-03\n", which must not have control characters in it`}},
		{"FormatConstant", "snapshot_format = 'latest'", []string{`:1: snapshot_format = "latest": gives every snapshot the same name`}},
		{"FormatPartial", "snapshot_format = '%F.partial'", []string{`:1: snapshot_format = "%F.partial": gives the name "2001-02-03.partial", but the ending .partial`}},
		{"FormatLong", "snapshot_format = '%F" + strings.Repeat("x", 200) + "'", []string{`: gives a name of 210 bytes, at most 200 are possible`}},
		{"FormatUnknown", "snapshot_format = '%F-%i'", []string{`:1: snapshot_format = "%F-%i": "%i" is nothing that strftime knows`}},
		{"FormatPercent", "snapshot_format = '%F%'", []string{`:1: snapshot_format = "%F%": "%" is nothing that strftime knows`}},
		{"TooManyKeys", strings.Repeat("a.b = 1\n", 70000), []string{`: more than 2000 keys, which no settings have`}},
		{"TooManyTables", strings.Repeat("[[a]]\n", 100000), []string{`: more than 2000 keys, which no settings have`}},
		{"TooManyInline", "modules = { " + strings.Repeat("a = { path = 'a' }, ", 10000) + "}", []string{`: more than 2000 keys, which no settings have`}},
		{"TooDeep", "x = " + strings.Repeat("[", 200000), []string{`:1:10005: arrays and inline tables are nested more than the maximum of 10000 levels deep`}},
		{"Syntax", "match = 'exact'\nhash = \n", []string{`:2:8: unexpected character U+000A at start of value`}},
		{"Twice", "match = 'exact'\nmatch = 'exact'\n", []string{`:2:1: key match is already defined`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, test.text, dir, FileName)
			_, err := Load(Sources{Dir: dir, Home: dir})
			if err == nil {
				t.Fatal("no error")
			}
			var e *Error
			if !errors.As(err, &e) || !strings.HasPrefix(e.Origin, path) {
				t.Errorf("%#v is not about the file", err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) {
				t.Fatalf("%d errors, want %d:\n%v", len(lines), len(test.want), err)
			}
			for i, line := range lines {
				if !strings.HasPrefix(line, path) || !strings.Contains(line, test.want[i]) {
					t.Errorf("got  %s\nwant %s", line, path+test.want[i])
				}
			}
		})
	}
}

func TestSnapshotFormats(t *testing.T) {
	for _, format := range []string{"%Y-%m-%d-%H%M%S", "%F %T", "%s", "100%%-%F", "%Y%j%H%M%S%z", "%FT%H%M%S.%L%:z", "%Y-%V-%u", "%Od.%-m.%y", "é%F"} {
		if _, err := formatValue(format); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestOverrides(t *testing.T) {
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	other := filepath.Join(dir, "other")
	inFile := write(t, "backup_path = '/file'\n", dir, "file", FileName)
	inBoth := write(t, "catalog = '/cat.ql'\nbackup_path = '/file'\n", dir, "both", FileName)
	inCatalog := write(t, "catalog = '/cat.ql'\n", dir, "catalog", FileName)
	below := func(root string) string { return filepath.Join(root, ".phlb", "catalog.ql") }
	abs := func(path string) string { return filepath.Join(filepath.VolumeName(dir), path) }

	for _, test := range []struct {
		name, dir, env, flag string
		path, origin         string
		catalog, from        string
	}{
		{"Default", "other", "", "", filepath.Join(home, "phlb-backups"), "default", below(filepath.Join(home, "phlb-backups")), "default"},
		{"File", "file", "", "", abs("/file"), inFile + ":1", below(abs("/file")), "default"},
		{"Environment", "file", abs("/env"), "", abs("/env"), "environment PHLB_BACKUP_PATH", below(abs("/env")), "default"},
		{"Flag", "file", abs("/env"), abs("/flag"), abs("/flag"), "flag --backup-path", below(abs("/flag")), "default"},
		{"FlagHome", "file", "", "~/x", filepath.Join(home, "x"), "flag --backup-path", below(filepath.Join(home, "x")), "default"},
		{"FlagRelative", "other", "", "x", filepath.Join(other, "x"), "flag --backup-path", below(filepath.Join(other, "x")), "default"},
		{"CatalogOfFile", "both", "", "", abs("/file"), inBoth + ":2", abs("/cat.ql"), inBoth + ":1"},
		{"CatalogStaysBehind", "both", abs("/env"), "", abs("/env"), "environment PHLB_BACKUP_PATH", below(abs("/env")), "default"},
		{"CatalogOfSameRoot", "both", "", abs("/file/"), abs("/file"), "flag --backup-path", abs("/cat.ql"), inBoth + ":1"},
		{"CatalogOfDefaultRoot", "catalog", "", "~/phlb-backups", filepath.Join(home, "phlb-backups"), "flag --backup-path", abs("/cat.ql"), inCatalog + ":1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if filepath.VolumeName(dir) != "" {
				t.Skip("the files have paths without a volume")
			}
			cfg := load(t, Sources{
				Dir: filepath.Join(dir, test.dir), Home: home,
				Env: environment("PHLB_BACKUP_PATH=" + test.env), BackupPath: test.flag,
			})
			if s := setting(t, cfg, "backup_path"); s.Value != test.path || s.Origin != test.origin || cfg.BackupPath != test.path {
				t.Errorf("%v from %s, want %s from %s", s, s.Origin, test.path, test.origin)
			}
			if s := setting(t, cfg, "catalog"); s.Value != test.catalog || s.Origin != test.from || cfg.Catalog != test.catalog {
				t.Errorf("%v from %s, want %s from %s", s, s.Origin, test.catalog, test.from)
			}
		})
	}

	for _, test := range []struct{ name, home, env, flag, want string }{
		{"ErrFlag", home, "", "~bob", `flag --backup-path: "~bob": only ~ and ~/ are expanded`},
		{"ErrEnvironment", "", "~/x", "", `environment PHLB_BACKUP_PATH: "~/x": there is no home directory`},
		{"ErrHome", "", "", "", "there is no home directory to put backups into: set backup_path"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(Sources{Dir: other, Home: test.home, Env: environment("PHLB_BACKUP_PATH=" + test.env), BackupPath: test.flag})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestSettingJSON(t *testing.T) {
	got, err := json.Marshal(Setting{"skip_dirs", []string{"a"}, "default"})
	if err != nil || string(got) != `{"key":"skip_dirs","value":["a"],"origin":"default"}` {
		t.Errorf("%s, %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(template))
	f.Add(uncommented())
	f.Add("backup_path = '~'\nmatch = 3\n[[q]]\n[q.x]\na.b = {c = [1, {}]}\n")
	f.Add("\ufeffsnapshot_format = \"%-Ey%\"\r\nskip_patterns = ['{a,[b']")
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := parse("/dir/phlb.toml", []byte(text), "/home")
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a word")
			}
			return
		}
		if len(cfg.Settings()) != len(keys) || !cfg.Unchanged.Has(Size|Mtime) || cfg.SnapshotFormat == "" {
			t.Errorf("%+v", cfg)
		}
		for _, path := range []string{cfg.BackupPath, cfg.Catalog} {
			if path != "" && !filepath.IsAbs(path) {
				t.Errorf("%q is not absolute", path)
			}
		}
	})
}

func FuzzSnapshotFormat(f *testing.F) {
	f.Add("%Y-%m-%d-%H%M%S")
	f.Add("%")
	f.Add("%-:EO")
	f.Fuzz(func(t *testing.T, format string) {
		if _, err := formatValue(format); err == nil && !strings.Contains(format, "%") {
			t.Errorf("%q gives one name only", format)
		}
	})
}

func TestKeysAreDistinct(t *testing.T) {
	names := keyNames()
	slices.Sort(names)
	if len(slices.Compact(names)) != len(keys) {
		t.Error(names)
	}
}

func ExampleLoad() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	text := "skip_dirs = ['node_modules']\nmatch = 'content'\n"
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(text), 0o644); err != nil {
		log.Fatal(err)
	}

	cfg, err := Load(Sources{Dir: dir, Home: "/home/ann", BackupPath: "/mnt/backups"})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range cfg.Settings() {
		origin, _ := strings.CutPrefix(s.Origin, dir+string(filepath.Separator))
		if origin != "default" {
			fmt.Printf("%s (%s)\n", s, origin)
		}
	}
	// Output:
	// backup_path = "/mnt/backups" (flag --backup-path)
	// skip_dirs = ["node_modules"] (phlb.toml:1)
	// match = "content" (phlb.toml:2)
}
