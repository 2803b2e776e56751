package mod

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/engine/config"
)

// TestSwappedSettings changes a phlb.toml that something else has taken the place of
// since it was read: it is neither waited for nor taken into memory.
func TestSwappedSettings(t *testing.T) {
	t.Parallel()
	for want, put := range map[string]func(path string) error{
		"is no regular file": func(path string) error { return unix.Mkfifo(path, 0o600) },
		"is larger than 1.0 MiB": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
		},
	} {
		p := &Project{Dir: t.TempDir()}
		if err := put(filepath.Join(p.Dir, config.FileName)); errors.Is(err, unix.EFBIG) {
			continue // no file of that length is to be had here
		} else if err != nil {
			t.Fatal(err)
		}
		err := p.rewrite(func([]byte) ([]byte, error) { return nil, errors.New("was read") })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}
