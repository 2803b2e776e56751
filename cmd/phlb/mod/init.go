package mod

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"phlb/engine/config"
)

//go:embed policy
var policy embed.FS

// Init makes a module to start from in a folder: functions, a script, a test and a
// README. It returns the paths of the files. If one of them is there already,
// nothing is made. With dry, nothing is made either.
func Init(dir string, dry bool) (paths []string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(policy, "policy")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, err := os.Lstat(path); err == nil {
			return nil, fmt.Errorf("init: %w", &fs.PathError{Op: "make", Path: path, Err: fs.ErrExist})
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("init: %w", err)
		}
		paths = append(paths, path)
	}
	if dry {
		return paths, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	for i, e := range entries {
		text, err := policy.ReadFile("policy/" + e.Name())
		if err != nil {
			return nil, err
		}
		text = []byte(strings.ReplaceAll(string(text), "{{name}}", nameOf(dir)))
		f, err := os.OpenFile(paths[i], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return nil, fmt.Errorf("init: %w", err)
		}
		_, err = f.Write(text)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("init: %w", err)
		}
	}
	return paths, nil
}

var noName = regexp.MustCompile(`[^a-z0-9_-]+`)

// nameOf makes the name of a module of that of its folder.
func nameOf(dir string) string {
	name := strings.Trim(noName.ReplaceAllString(strings.ToLower(filepath.Base(dir)), "-"), "-_0123456789")
	if config.CheckModuleName(name) != nil {
		return "policies"
	}
	return name
}
