package repository

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"phlb/engine/store"
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
