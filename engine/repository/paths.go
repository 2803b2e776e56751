package repository

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"phlb/engine/store"
)

// Resolve returns the source directory without symbolic links.
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

// ErrNotBelowRoot says that a path is not where a snapshot can be.
var ErrNotBelowRoot = errors.New("is not a folder NAME or NAME/FOLDER below the backup root")

// RefOf returns where below the root a folder lies: its path is absolute, relative
// to the working directory, or relative to the root. For the folder of a name the
// stamp is empty, and for the root itself the name too.
func RefOf(root, path string) (store.Ref, error) {
	todo := "there is no such folder"
	candidates := []string{path}
	if filepath.IsLocal(path) && filepath.Clean(path) != "." {
		candidates = append(candidates, filepath.Join(root, path))
	}
	for _, candidate := range candidates {
		real, err := Resolve(candidate)
		if err != nil {
			continue
		}
		todo = "move it there"
		below, err := filepath.Rel(root, real)
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

// SameFile reports whether both paths lead to one file that is there.
func SameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// resolved returns the absolute path without symbolic links of what exists, and
// other text as it is.
func resolved(text string) string {
	if real, err := filepath.EvalSymlinks(text); err == nil {
		if real, err = filepath.Abs(real); err == nil {
			return real
		}
	}
	return text
}
