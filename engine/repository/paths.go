package repository

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"phlb/engine/store"
	"phlb/engine/walk"
)

// Resolve returns the absolute path of a source directory, without symbolic links.
func Resolve(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return "", fmt.Errorf("source: %w", err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", fmt.Errorf("source: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("source: %s is not a directory", real)
	}
	return real, nil
}

// ErrNotBelowRoot says that a path is none of a snapshot, or of the folder of a name.
var ErrNotBelowRoot = errors.New("is not a folder NAME or NAME/FOLDER below the backup root")

// RefOf returns the name and the stamp of a folder below the root. The path is absolute,
// relative to the working directory, or relative to the root. The stamp is empty for the
// folder of a name, and the name too for the root itself.
func (repo *Repository) RefOf(path string) (store.Ref, error) {
	todo := "there is no such folder"
	root := resolved(repo.Config.BackupPath)
	candidates := []string{path}
	if filepath.IsLocal(path) && filepath.Clean(path) != "." {
		candidates = append(candidates, filepath.Join(root, path))
	}
	for _, candidate := range candidates {
		w := &walk.Walk{}
		done, err := repo.OpenSource(w, candidate)
		if err != nil {
			continue
		}
		done()
		todo = "move it there"
		below, err := filepath.Rel(root, w.Root)
		if err != nil || !filepath.IsLocal(below) {
			continue
		}
		if below == "." {
			return store.Ref{}, nil
		}
		name, stamp, _ := strings.Cut(filepath.ToSlash(below), "/")
		if store.CheckName(name) == nil && !strings.Contains(stamp, "/") {
			return store.Ref{Name: name, Stamp: stamp}, nil
		}
	}
	return store.Ref{}, fmt.Errorf("%s %w %s: %s", path, ErrNotBelowRoot, root, todo)
}

// enter opens the backup root if path leads there, and returns what is left of path there,
// slash-separated. Links on the way to the root are followed. Those in the root are not,
// since others may have put them there, but for the one to the newest snapshot of a name.
func (repo *Repository) enter(path string) (root *store.Root, below string) {
	root, err := store.Open(repo.Config.BackupPath)
	if err != nil {
		return nil, ""
	}
	below, ok := follow(path, root.Path, 40)
	if !ok {
		root.Close()
		return nil, ""
	}
	if names := strings.SplitN(below, "/", 3); len(names) > 1 && names[1] == "latest" {
		if folder, err := root.Dir().Open(names[0]); err == nil {
			if stamp, err := folder.Readlink("latest"); err == nil && store.CheckName(stamp) == nil {
				names[1] = stamp
			}
			folder.Close()
		}
		below = strings.Join(names, "/")
	}
	return root, below
}

// follow returns what is left of path behind dir, slash-separated, and whether path leads
// there by no more links than those.
func follow(path, dir string, links int) (string, bool) {
	path, err := filepath.Abs(path)
	if err != nil || links == 0 {
		return "", false
	}
	at := filepath.VolumeName(path) + string(filepath.Separator)
	for rest := path[len(at):]; !SameFile(at, dir); {
		if rest == "" {
			return "", false
		}
		name, behind, _ := strings.Cut(rest, string(filepath.Separator))
		if target, err := os.Readlink(filepath.Join(at, name)); err == nil {
			if !filepath.IsAbs(target) {
				target = filepath.Join(at, target)
			}
			return follow(filepath.Join(target, behind), dir, links-1)
		}
		at, rest = filepath.Join(at, name), behind
	}
	below, err := filepath.Rel(at, path)
	return filepath.ToSlash(below), err == nil
}

// Real returns the absolute path of an existing file without symbolic links, and any other
// text as it is. What lies in the backup root need not exist, see enter.
func (repo *Repository) Real(text string) string {
	root, below := repo.enter(text)
	if root == nil {
		return resolved(text)
	}
	defer root.Close()
	return filepath.Join(root.Path, below)
}

// SameFile reports whether both paths lead to the same existing file.
func SameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// resolved returns the absolute path of an existing file without symbolic links, and any
// other text as it is.
func resolved(text string) string {
	if real, err := filepath.EvalSymlinks(text); err == nil {
		if real, err = filepath.Abs(real); err == nil {
			return real
		}
	}
	return text
}
