package config

import (
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"phlb/engine/publish"
)

//go:embed phlb.toml
var template []byte

// Create writes a file at path that has every setting with its default,
// commented out, and makes the folders above it. A file that is there already
// is left alone; the error then is an [io/fs.ErrExist].
func Create(path string) error {
	// Configuration is private to the user until they say otherwise, as the XDG
	// specification has it for folders that a program has to make.
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("create the configuration: %w", &fs.PathError{Op: "write", Path: path, Err: fs.ErrExist})
	}
	// A template that is cut short would be read as a file without settings.
	if err := publish.WriteFile(path, template, 0o644); err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	return nil
}
