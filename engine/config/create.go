package config

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("create the configuration: %w", err)
	}
	_, err = f.Write(template)
	// A template that is cut short would be read as a file without settings.
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return fmt.Errorf("create %s: %w", path, err)
	}
	return nil
}
