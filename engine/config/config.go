// Package config reads phlb.toml, the settings that hold for every run.
//
// Most callers call [Load] once, with what the process was started with, and
// read the fields of the [Config] that it returns:
//
//	cfg, err := config.Load(config.Sources{Dir: wd, UserConfigDir: dir, Home: home, Env: os.LookupEnv})
//
// Exactly one file is read, the nearest one; files do not add up. A file is
// taken whole or not at all, and everything that is wrong with it is reported
// at once. Nothing here looks at the clock, the environment or the backup root:
// whether a path exists, and what it holds, is for those who use it to find out.
package config

import (
	"log/slog"
	"maps"
	"slices"
	"time"
)

// FileName is the name under which a configuration file is looked for.
const FileName = "phlb.toml"

// Config holds the settings in effect. Its paths are absolute.
type Config struct {
	Path           string // the file that was read, "" if there was none
	Trusted        bool   // what that file permits counts
	BackupPath     string
	Catalog        string
	SnapshotFormat string            // strftime
	SkipDirs       []string          // names or globs of directories
	SkipPatterns   []string          // globs over names or relative paths
	Match          Match             // what files that share an inode agree in
	Unchanged      Attributes        // what an unchanged source file agrees in
	Hash           string            // one of Hashes, by which digests are made
	Shrink         float64           // the share of the files before that a complete snapshot has at least; 0 for any
	AllowRun       []string          // programs that scripts may run
	AllowNet       []string          // HOST or HOST:PORT that scripts may talk to
	AllowEnv       []string          // environment variables that scripts may read
	Limits         Limits            // of what scripts may compute
	Checks         []Check           // questions that are asked after each backup
	Allow          map[string]Grant  // what a script of a module may do, by the name of the module
	Revoked        map[string]Grant  // what the file would allow if it were trusted
	Modules        map[string]Module // what scripts load as @NAME//…, with their paths absolute
	Publish        Publication
	LogLevel       slog.Level // of a snapshot's log
	ConsoleLevel   slog.Level // of the terminal

	// ProgressInterval is how often a line tells how far a verb has come where
	// nobody looks at a terminal; 0 for never.
	ProgressInterval time.Duration

	origins map[string]string // key to where its value comes from
}

// Limits are what scripts may compute; zero is the default.
type Limits struct {
	Steps  uint64
	Time   time.Duration
	Memory uint64 // bytes
}

// A Match says in what two files must agree to share an inode.
type Match string

const (
	MatchPermissions Match = "permissions" // content, mode, owner and xattrs
	MatchContent     Match = "content"     // content alone
	MatchExact       Match = "exact"       // like MatchPermissions, and mtime
)

// Hashes are the algorithms by which digests can be made, the default first.
var Hashes = []string{"sha256", "sha512"}

// ParseMatch reads what a file or a script says; anything else is an error that
// lists what can be said.
func ParseMatch(text string) (Match, error) { return matchValue(text) }

// Attributes is a set of file attributes.
type Attributes uint8

const (
	Size Attributes = 1 << iota
	Mtime
	Ctime
	Inode
)

var attributeNames = []string{"size", "mtime", "ctime", "inode"} // by bit

// Has reports whether all of b is in a.
func (a Attributes) Has(b Attributes) bool { return a&b == b }

// Names lists the attributes under the names that the file gives them.
func (a Attributes) Names() []string {
	names := []string{}
	for i, name := range attributeNames {
		if a.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// A Setting is one key with the value in effect.
type Setting struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`  // a string, a []string, an int64, a float64, a Module or a Grant
	Origin string `json:"origin"` // "default", "FILE:LINE", "environment NAME" or "flag NAME"
}

// String gives the setting as phlb.toml would have it.
func (s Setting) String() string { return s.Key + " = " + literal(s.Value) }

// Settings lists every key, in the order of the template, and the modules and
// grants behind them, each with its value and where that comes from.
func (c *Config) Settings() []Setting {
	settings := make([]Setting, 0, len(keys))
	for _, k := range keys {
		settings = append(settings, Setting{Key: k.name, Value: k.get(c), Origin: c.origin(k.name)})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Modules)) {
		key := modulesTable + "." + name
		settings = append(settings, Setting{Key: key, Value: c.Modules[name], Origin: c.origin(key)})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Allow)) {
		key := allowTable + "." + name
		settings = append(settings, Setting{Key: key, Value: c.Allow[name], Origin: c.origin(key)})
	}
	return settings
}

func (c *Config) origin(key string) string {
	if origin, ok := c.origins[key]; ok {
		return origin
	}
	return "default"
}

// defaults are the settings without any file, but for the paths, which depend
// on one another and on the home directory.
func defaults() *Config {
	return &Config{
		SnapshotFormat: "%Y-%m-%d-%H%M%S",
		SkipDirs:       []string{},
		SkipPatterns:   []string{},
		Match:          MatchPermissions,
		Unchanged:      Size | Mtime | Ctime | Inode,
		Hash:           "sha256",
		Shrink:         0.1,
		AllowRun:       []string{},
		AllowNet:       []string{},
		AllowEnv:       []string{},
		LogLevel:       slog.LevelInfo,
		ConsoleLevel:   slog.LevelWarn,

		ProgressInterval: time.Minute,

		origins: map[string]string{},
	}
}

// keyNames lists the known keys.
func keyNames() []string {
	names := make([]string, 0, len(keys))
	for _, k := range keys {
		names = append(names, k.name)
	}
	return names
}
