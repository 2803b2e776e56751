package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/pelletier/go-toml/v2"
)

const (
	backupPathEnv  = "PHLB_BACKUP_PATH"
	backupPathFlag = "--backup-path"
)

// Sources is what a configuration is made from, besides the file itself.
type Sources struct {
	Dir             string                      // where the search starts: the working directory, absolute
	UserConfigDir   string                      // searched next, in its folder phlb; "" for none
	SystemConfigDir string                      // searched last, in the same way; "" for none
	Home            string                      // what a leading ~ stands for; "" if unknown
	Env             func(string) (string, bool) // like os.LookupEnv; nil for no environment
	BackupPath      string                      // the value of --backup-path; "" if not given
	StateDir        string                      // where [Trust] remembers; "" for nowhere
	PassedOver      func(*Error)                // told of a file or a setting that does not count, and why; may be nil
}

// Error is one thing that is wrong with a setting. [Load] joins as many as it
// finds.
type Error struct {
	Origin string // as in a Setting
	Key    string // "" if the file is no TOML
	Reason string // what is wrong, and what is wanted
}

func (e *Error) Error() string { return e.Origin + ": " + e.Reason }

// Load finds the configuration file, reads it and puts the environment and the
// flag over it: the flag wins over the environment, and that over the file.
// Without a file the result has the defaults and an empty Path. A file that
// somebody else has put above the working directory does not count: it could
// lead a backup into the hands of who did.
//
// A catalog named in a file belongs to the backup path of that file. Where the
// environment or the flag leads to another backup root, the default of that
// root holds instead.
func Load(s Sources) (*Config, error) {
	if !filepath.IsAbs(s.Dir) {
		return nil, fmt.Errorf("search %s: the working directory %q is not absolute", FileName, s.Dir)
	}
	path, data, err := s.find()
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	cfg, err := parse(path, data, s.Home)
	if err != nil {
		return nil, err
	}
	now, before := trusted(s.StateDir, path, data)
	if cfg.Trusted = s.own(path) || now; !cfg.Trusted {
		s.revoke(cfg, before)
	}
	if err := cfg.override(s); err != nil {
		return nil, err
	}
	return cfg, nil
}

// Find returns the path of the file that [Load] reads, "" if there is none. It
// does not look at what the file holds.
func Find(s Sources) (string, error) {
	path, _, err := s.find()
	return path, err
}

// find returns the nearest file that counts and what it holds, or nothing if
// there is none.
func (s *Sources) find() (path string, data []byte, err error) {
	for dir := filepath.Clean(s.Dir); ; dir = filepath.Dir(dir) {
		path = filepath.Join(dir, FileName)
		if data, err = s.read(path, ofOthers); data != nil || err != nil {
			return path, data, err
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if path = inFolder(s.UserConfigDir); path != "" {
		nobody := func(string, fs.FileInfo) bool { return false } // the user has said where it is
		if data, err = s.read(path, nobody); data != nil || err != nil {
			return path, data, err
		}
	}
	if path = inFolder(s.SystemConfigDir); path != "" {
		data, err = s.read(path, ofOthers)
		if errors.Is(err, fs.ErrPermission) { // it is for others, and no reason to refuse all to this user
			data, err = s.passOver(path, "it is passed over, since you may not read it: chmod a+r if it is to count for all users")
		}
		if data != nil || err != nil {
			return path, data, err
		}
	}
	return "", nil, nil
}

// inFolder is the path of the file in a folder of configuration, "" without one.
func inFolder(configDir string) string {
	if configDir == "" {
		return ""
	}
	return filepath.Join(configDir, "phlb", FileName)
}

// passOver tells that a file does not count, and why.
func (s *Sources) passOver(path, reason string) ([]byte, error) {
	if s.PassedOver != nil {
		s.PassedOver(&Error{Origin: path, Reason: reason})
	}
	return nil, nil
}

// read returns what the file holds, or nil where none is there that counts. Of
// a symbolic link both owners matter: who made it has chosen what is read.
func (s *Sources) read(path string, ofOthers func(string, fs.FileInfo) bool) ([]byte, error) {
	const (
		writable  = "it is passed over, since others may write to it: chmod go-w if it is to count"
		others    = "it is passed over, since it belongs neither to you nor to root: chown it if it is to count"
		irregular = "it is passed over, since it is no regular file: move it away"
	)
	pass := func(reason string) ([]byte, error) { return s.passOver(path, reason) }
	// A folder above that may not be searched has nothing to say. A file
	// that is there and cannot be read is an error, further down: to go on
	// without it would back up with somebody else's settings.
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), err == nil && info.IsDir():
		return nil, nil
	case err != nil:
		return nil, err
	case ofOthers(path, info):
		return pass(others)
	}
	if info, err = os.Stat(path); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // to open it may wait for ever, or do something
		return pass(irregular)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err = f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return pass(irregular)
	case ofOthers(path, info):
		return pass(others)
	case othersWrite(info) && s.own(path): // to go on without it would back up with other settings than the user has
		return nil, fmt.Errorf("%s is not obeyed, since others may write to it: chmod go-w %s", path, path)
	case othersWrite(info):
		return pass(writable)
	case info.Size() > MaxFile:
		return nil, fmt.Errorf("%s is larger than 1 MiB, which no settings are", path)
	}
	return io.ReadAll(io.LimitReader(f, MaxFile))
}

// MaxFile is how large a file of settings may be.
const MaxFile = 1 << 20

// A document is a file on its way into a Config.
type document struct {
	cfg       *Config
	dir, home string
}

// parse makes a Config of what the file at path holds. Its default paths are
// left empty, for override to fill in.
func parse(path string, data []byte, home string) (*Config, error) {
	d := &document{cfg: defaults(), dir: filepath.Dir(path), home: home}
	d.cfg.Path = path

	data = bytes.TrimPrefix(data, []byte("\ufeff")) // editors on Windows put it there
	values, err := decode(path, data)
	if err != nil {
		return nil, err
	}
	found, err := locate(data)
	if err != nil {
		return nil, syntaxError(path, err)
	}

	var errs []error
	report := func(line int, key, reason string) {
		errs = append(errs, &Error{Origin: at(path, line), Key: key, Reason: reason})
	}
	problems := d.declare(values)
	for _, key := range slices.Sorted(maps.Keys(problems)) {
		report(lineOf(data, strings.SplitN(key, ".", 2)...), key, fmt.Sprintf("%s: %v", key, problems[key]))
	}
	for name := range d.cfg.Modules {
		d.cfg.origins[modulesTable+"."+name] = at(path, lineOf(data, modulesTable, name))
	}
	problems = d.allow(values, func(key ...string) string { return at(path, lineOf(data, key...)) })
	for _, key := range slices.Sorted(maps.Keys(problems)) {
		report(lineOf(data, strings.SplitN(key, ".", 3)...), key, fmt.Sprintf("%s: %v", key, problems[key]))
	}
	failed := d.checks(values)
	for _, i := range slices.Sorted(maps.Keys(failed)) {
		report(lineOfCheck(data, i), checkTable, fmt.Sprintf("check %d: %v", i+1, failed[i]))
	}
	for _, f := range found {
		value, here := values[f.path[0]], f.path[0]
		if here == modulesTable || here == publishTable || here == allowTable || here == checkTable {
			continue // read already
		}
		if table, ok := value.(map[string]any); ok && here == limitsTable {
			if len(f.path) == 1 {
				continue // the table itself
			}
			here += "." + f.path[1]
			value = table[f.path[1]]
		}
		i := slices.IndexFunc(keys, func(k key) bool { return k.name == here })
		if i < 0 {
			name := tomlKey(f.path)
			report(f.line, name, fmt.Sprintf("unknown key %s: %s", name, suggestion(f.path[0])))
			continue
		}
		k := keys[i]
		if _, twice := d.cfg.origins[k.name]; twice {
			continue // one of several tables under that name, reported already
		}
		d.cfg.origins[k.name] = at(path, f.line)
		if err := k.set(d, value); err != nil {
			report(f.line, k.name, fmt.Sprintf("%s = %s: %v", k.name, literal(value), err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return d.cfg, nil
}

// decode reads a file of settings.
func decode(name string, data []byte) (map[string]any, error) {
	if err := CheckKeys(data); err != nil {
		return nil, &Error{Origin: name, Reason: err.Error()}
	}
	values := map[string]any{}
	if err := toml.Unmarshal(data, &values); err != nil {
		return nil, syntaxError(name, err)
	}
	return values, nil
}

// limitsTable is the one table of settings that phlb.toml has.
const limitsTable = "limits"

// A location is a key, or a table, and the line that it stands in.
type location struct {
	path []string
	line int
}

// locate lists the keys of a document. To a strict decoder that is asked for
// nothing each of them is unknown, and it says where it is.
func locate(data []byte) ([]location, error) {
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&struct {
		Limits struct{} `toml:"limits"` // so that it tells of each key in the table
	}{})
	var missing *toml.StrictMissingError
	if !errors.As(err, &missing) {
		return nil, err
	}
	found := make([]location, 0, len(missing.Errors))
	for _, e := range missing.Errors {
		line, _ := e.Position()
		found = append(found, location{path: e.Key(), line: line})
	}
	return found, nil
}

func syntaxError(path string, err error) error {
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		line, column := decode.Position()
		return &Error{Origin: fmt.Sprintf("%s:%d", at(path, line), column), Reason: strings.TrimPrefix(decode.Error(), "toml: ")}
	}
	return &Error{Origin: path, Reason: err.Error()}
}

func at(path string, line int) string { return fmt.Sprintf("%s:%d", path, line) }

// override puts flag and environment over the file, and fills in the paths
// that none of them gives.
func (c *Config) override(s Sources) error {
	value, origin := s.BackupPath, "flag "+backupPathFlag
	if value == "" && s.Env != nil {
		value, _ = s.Env(backupPathEnv)
		origin = "environment " + backupPathEnv
	}
	if value != "" {
		path, err := absolute(value, s.Dir, s.Home)
		if err != nil {
			return &Error{Origin: origin, Key: "backup_path", Reason: fmt.Sprintf("%q: %v", value, err)}
		}
		if c.Catalog != "" && path != c.fileBackupPath(s.Home) {
			c.Catalog = ""
			delete(c.origins, "catalog")
		}
		c.BackupPath, c.origins["backup_path"] = path, origin
	}
	if c.BackupPath == "" {
		if s.Home == "" {
			return &Error{Origin: "default", Key: "backup_path", Reason: "there is no home directory to put backups into: " +
				"set backup_path in " + FileName + ", " + backupPathEnv + " or " + backupPathFlag}
		}
		c.BackupPath = defaultBackupPath(s.Home)
	}
	if c.Catalog == "" {
		c.Catalog = filepath.Join(c.BackupPath, ".phlb", "catalog.ql")
	}
	return nil
}

// fileBackupPath is the backup path without flag and environment.
func (c *Config) fileBackupPath(home string) string {
	if c.BackupPath == "" && home != "" {
		return defaultBackupPath(home)
	}
	return c.BackupPath
}

func defaultBackupPath(home string) string { return filepath.Join(home, "phlb-backups") }

// absolute expands a leading ~ and puts a relative path below dir.
func absolute(path, dir, home string) (string, error) {
	if path == "" {
		return "", errors.New("want a path")
	}
	if path[0] == '~' {
		rest := path[1:]
		if rest != "" && !os.IsPathSeparator(rest[0]) {
			return "", errors.New("only ~ and ~/ are expanded, write the home of somebody else in full, and a folder of that name as ./" + path)
		}
		if home == "" {
			return "", errors.New("there is no home directory for ~ to stand for, write the path in full")
		}
		return filepath.Join(home, rest), nil
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path), nil
	}
	return filepath.Join(dir, path), nil
}

// ReadBeside returns what a file holds that stands beside a phlb.toml and is to be
// obeyed as that is. One that others own or may write to is an error.
func ReadBeside(path string) ([]byte, error) {
	var passed error
	s := Sources{PassedOver: func(e *Error) { passed = e }}
	data, err := s.read(path, ofOthers)
	switch {
	case err != nil:
		return nil, err
	case passed != nil:
		return nil, passed
	case data == nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return data, nil
}
