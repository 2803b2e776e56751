package store

import (
	"fmt"
	"os"

	"golang.org/x/sys/windows"

	"phlb/engine/handle/nt"
)

// mkdirPrivate makes the directory at path, whose parent must be there, for the eyes
// of ours, of the system and of administrators. It does not inherit what others may
// do in its parent, and what is made in it inherits this.
func mkdirPrivate(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err == nil {
		err = nt.KeepPrivate(windows.Handle(f.Fd()))
		f.Close()
	}
	if err != nil && !nt.IsUnknown(err) { // FAT has no owners
		os.Remove(path)
		return fmt.Errorf("keep others out of %s: %w", path, err)
	}
	return nil
}
