package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"phlb/engine/manifest"
	"phlb/engine/store"
)

// openTarget finds where the base is restored to, and makes and opens the directory that
// it is restored into.
func (r *restore) openTarget(kind manifest.Kind) error {
	to, info, err := resolveTarget(r.To)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	whole := r.selection.base == "."
	into := to
	switch {
	case info == nil || !info.IsDir():
		if info != nil && kind == manifest.Dir {
			return fmt.Errorf("%s: %w: choose another", to, ErrTarget)
		}
		into, r.baseName = filepath.Split(to)
	case whole:
		r.baseName = "."
	default:
		r.baseName = path.Base(r.selection.base)
	}
	r.result.To = filepath.Join(into, r.baseName)
	if err := r.checkTarget(into, kind); err != nil {
		return err
	}
	r.landing = &folder{state: opened}
	if !r.Dry {
		if err := os.MkdirAll(into, 0o777); err != nil {
			return fmt.Errorf("target: %w", err)
		}
	}
	switch r.landing.dir, err = store.OpenDir(into); {
	case err == nil:
		r.landing.bequeaths = r.landing.dir.Bequeaths()
		if r.Dry {
			break
		}
		r.leftovers.open(into)
		if kind != manifest.Dir {
			if names, err := r.landing.dir.Names(); err == nil {
				r.leftovers.sweep(r.landing.dir, names)
			}
		}
	case !r.Dry || !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("target: %w", err)
	}
	return nil
}

// isPopulated reports whether the base is a directory that exists in the target and is not
// empty.
func (r *restore) isPopulated(kind manifest.Kind) bool {
	if kind != manifest.Dir || r.landing.dir == nil {
		return false
	}
	at, err := r.landing.dir.Open(r.baseName)
	if err != nil {
		return false
	}
	defer at.Close()
	names, err := at.Names()
	return err == nil && len(names) > 0
}

// checkTarget returns an error for a target that must not be written to, or deleted from.
func (r *restore) checkTarget(into string, kind manifest.Kind) error {
	inside, err := liesIn(into, r.root.Path)
	if err != nil {
		return err
	}
	if inside {
		return fmt.Errorf("%s: %w", r.result.To, ErrIntoRoot)
	}
	if !r.Delete || kind != manifest.Dir {
		r.Delete = false
		return nil
	}
	// On Windows each drive has a top of its own.
	for _, held := range []string{filepath.VolumeName(r.result.To) + "/", r.Env.Home} {
		if a, err := os.Stat(r.result.To); err == nil && held != "" {
			if b, err := os.Stat(held); err == nil && os.SameFile(a, b) {
				return fmt.Errorf("%s %w", r.result.To, ErrDelete)
			}
		}
	}
	if around, err := liesIn(r.root.Path, r.result.To); err != nil || around {
		return errors.Join(err, fmt.Errorf("%s holds the backup root and %w", r.result.To, ErrDelete))
	}
	return nil
}

// liesIn reports whether path is dir, or lies below it, by whatever names. Neither needs
// to exist.
func liesIn(path, dir string) (bool, error) {
	outer, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for {
		if inner, err := os.Stat(path); err == nil && os.SameFile(inner, outer) {
			return true, nil
		}
		up := filepath.Dir(path)
		if up == path {
			return false, nil
		}
		path = up
	}
}

// resolveTarget returns the absolute path of a target without symbolic links, and what
// lies there; nil for nothing, and for a symbolic link that leads nowhere.
func resolveTarget(to string) (string, fs.FileInfo, error) {
	if to == "" {
		return "", nil, errors.New("no path is given")
	}
	path, err := filepath.Abs(to)
	if err != nil {
		return "", nil, err
	}
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			info, err := os.Stat(filepath.Join(real, rest))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", nil, err
			}
			// Windows says the same of what is missing in a folder and of what would
			// lie in a file.
			if above, err := os.Stat(real); err == nil && rest != "" && !above.IsDir() {
				return "", nil, fmt.Errorf("%s: not a directory", real)
			}
			return filepath.Join(real, rest), info, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
		rest = filepath.Join(filepath.Base(path), rest)
		path = filepath.Dir(path)
	}
}
