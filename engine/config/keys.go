package config

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/gobwas/glob"
)

// A key is one setting: how its value gets into a Config and out again.
type key struct {
	name string
	set  func(d *document, value any) error
	get  func(c *Config) any
}

// keys has every setting, in the order in which they are shown.
var keys = []key{
	{
		name: "backup_path",
		set:  func(d *document, v any) (err error) { d.cfg.BackupPath, err = d.pathValue(v); return },
		get:  func(c *Config) any { return c.BackupPath },
	},
	{
		name: "catalog",
		set:  func(d *document, v any) (err error) { d.cfg.Catalog, err = d.pathValue(v); return },
		get:  func(c *Config) any { return c.Catalog },
	},
	{
		name: "snapshot_format",
		set:  func(d *document, v any) (err error) { d.cfg.SnapshotFormat, err = formatValue(v); return },
		get:  func(c *Config) any { return c.SnapshotFormat },
	},
	{
		name: "skip_dirs",
		set:  func(d *document, v any) (err error) { d.cfg.SkipDirs, err = globsValue(v); return },
		get:  func(c *Config) any { return c.SkipDirs },
	},
	{
		name: "skip_patterns",
		set:  func(d *document, v any) (err error) { d.cfg.SkipPatterns, err = globsValue(v); return },
		get:  func(c *Config) any { return c.SkipPatterns },
	},
	{
		name: "match",
		set:  func(d *document, v any) (err error) { d.cfg.Match, err = matchValue(v); return },
		get:  func(c *Config) any { return string(c.Match) },
	},
	{
		name: "unchanged",
		set:  func(d *document, v any) (err error) { d.cfg.Unchanged, err = attributesValue(v); return },
		get:  func(c *Config) any { return c.Unchanged.Names() },
	},
	{
		name: "hash",
		set:  func(d *document, v any) (err error) { d.cfg.Hash, err = hashValue(v); return },
		get:  func(c *Config) any { return c.Hash },
	},
	{
		name: "shrink",
		set:  func(d *document, v any) (err error) { d.cfg.Shrink, err = shareValue(v); return },
		get:  func(c *Config) any { return c.Shrink },
	},
	{
		name: "allow_run",
		set:  func(d *document, v any) (err error) { d.cfg.AllowRun, err = stringsValue(v); return },
		get:  func(c *Config) any { return c.AllowRun },
	},
	{
		name: "allow_net",
		set:  func(d *document, v any) (err error) { d.cfg.AllowNet, err = stringsValue(v); return },
		get:  func(c *Config) any { return c.AllowNet },
	},
	{
		name: "allow_env",
		set:  func(d *document, v any) (err error) { d.cfg.AllowEnv, err = stringsValue(v); return },
		get:  func(c *Config) any { return c.AllowEnv },
	},
	{
		name: "limits.steps",
		set:  func(d *document, v any) (err error) { d.cfg.Limits.Steps, err = countValue(v); return },
		get:  func(c *Config) any { return int64(c.Limits.Steps) },
	},
	{
		name: "limits.time",
		set:  func(d *document, v any) (err error) { d.cfg.Limits.Time, err = durationValue(v); return },
		get:  func(c *Config) any { return c.Limits.Time.String() },
	},
	{
		name: "limits.memory",
		set:  func(d *document, v any) (err error) { d.cfg.Limits.Memory, err = sizeValue(v); return },
		get:  func(c *Config) any { return int64(c.Limits.Memory) },
	},
	{
		name: "log_level",
		set:  func(d *document, v any) (err error) { d.cfg.LogLevel, err = levelValue(v); return },
		get:  func(c *Config) any { return levelName(c.LogLevel) },
	},
	{
		name: "console_level",
		set:  func(d *document, v any) (err error) { d.cfg.ConsoleLevel, err = levelValue(v); return },
		get:  func(c *Config) any { return levelName(c.ConsoleLevel) },
	},
	{
		name: "progress_interval",
		set:  func(d *document, v any) (err error) { d.cfg.ProgressInterval, err = durationValue(v); return },
		get:  func(c *Config) any { return c.ProgressInterval.String() },
	},
}

func countValue(v any) (uint64, error) {
	n, ok := v.(int64)
	if !ok || n < 0 {
		return 0, errors.New("want a whole number, 0 for the default")
	}
	return uint64(n), nil
}

func durationValue(v any) (time.Duration, error) {
	s, err := stringValue(v)
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errors.New(`want a duration such as "90s" or "5m"`)
	}
	return d, nil
}

// sizeValue takes bytes, or text such as "256MiB".
func sizeValue(v any) (uint64, error) {
	if _, number := v.(int64); number {
		return countValue(v)
	}
	s, err := stringValue(v)
	if err != nil {
		return 0, err
	}
	n, err := humanize.ParseBytes(s)
	if err != nil {
		return 0, errors.New(`want a size such as "256MiB"`)
	}
	return n, nil
}

func stringValue(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("want a string, not %s", kind(v))
	}
	return s, nil
}

func stringsValue(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("want a list of strings, not %s", kind(v))
	}
	out := make([]string, len(list))
	for i, elem := range list {
		if out[i], ok = elem.(string); !ok {
			return nil, fmt.Errorf("want a list of strings, but element %d is %s", i+1, kind(elem))
		}
	}
	return out, nil
}

// oneOf is stringValue for a string out of allowed.
func oneOf(v any, allowed ...string) (string, error) {
	s, err := stringValue(v)
	if err == nil && !slices.Contains(allowed, s) {
		err = fmt.Errorf("want %s", either(allowed))
	}
	return s, err
}

func (d *document) pathValue(v any) (string, error) {
	s, err := stringValue(v)
	if err != nil {
		return "", err
	}
	return absolute(s, d.dir, d.home)
}

func globsValue(v any) ([]string, error) {
	patterns, err := stringsValue(v)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range patterns {
		if p == "" {
			errs = append(errs, errors.New(`"" matches nothing, leave it out`))
		} else if strings.TrimSuffix(strings.TrimPrefix(p, "./"), "/") == "" {
			errs = append(errs, fmt.Errorf("%q is the source itself, leave it out", p))
		} else if err := CheckGlob(p); err != nil {
			errs = append(errs, err)
		} else if _, err := glob.Compile(p, '/'); err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", p, err))
		}
	}
	return patterns, errors.Join(errs...)
}

// CheckGlob refuses a glob that begins as a line of a .gitignore which takes
// something back: among globs that would silently do nothing.
func CheckGlob(pattern string) error {
	if !strings.HasPrefix(pattern, "!") {
		return nil
	}
	return fmt.Errorf(`%q would leave out names that begin with !, and takes nothing back: write \%s if you mean that, and else a rule of @std//exclude.star`, pattern, pattern)
}

func matchValue(v any) (Match, error) {
	s, err := oneOf(v, string(MatchPermissions), string(MatchContent), string(MatchExact))
	return Match(s), err
}

func attributesValue(v any) (Attributes, error) {
	names, err := stringsValue(v)
	if err != nil {
		return 0, err
	}
	var set Attributes
	for _, name := range names {
		i := slices.Index(attributeNames, name)
		if i < 0 {
			return 0, fmt.Errorf("%q is not one of %s", name, strings.Join(attributeNames, ", "))
		}
		set |= 1 << i
	}
	if !set.Has(Size | Mtime) {
		return 0, errors.New("size and mtime must be in it, ctime and inode may")
	}
	return set, nil
}

func hashValue(v any) (string, error) {
	s, err := stringValue(v)
	if err != nil || slices.Contains(Hashes, s) {
		return s, err
	}
	switch s {
	case "md5", "sha1":
		return s, fmt.Errorf("want %s: two files can be made that have one %s, and one of them would be lost", strings.Join(Hashes, " or "), s)
	}
	return s, fmt.Errorf("want %s", strings.Join(Hashes, " or "))
}

func shareValue(v any) (float64, error) {
	var share float64
	switch v := v.(type) {
	case int64:
		share = float64(v)
	case float64:
		share = v
	default:
		return 0, fmt.Errorf("want a number from 0 to 1, not %s", kind(v))
	}
	if !(share >= 0 && share <= 1) {
		return 0, errors.New("want a number from 0 to 1")
	}
	return share, nil
}

var levels = []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}

func levelName(l slog.Level) string { return strings.ToLower(l.String()) }

func levelValue(v any) (slog.Level, error) {
	names := make([]string, len(levels))
	for i, l := range levels {
		names[i] = levelName(l)
	}
	s, err := oneOf(v, names...)
	if err != nil {
		return 0, err
	}
	return levels[slices.Index(names, s)], nil
}
