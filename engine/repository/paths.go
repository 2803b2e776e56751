package repository

import (
	"fmt"
	"os"
	"path/filepath"
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
