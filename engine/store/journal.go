package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"phlb/engine/handle"
)

// The journal holds what cannot be made again from manifests, one line each. It
// only grows. What the lines mean is its callers' business.
const journal = "record"

// JournalPath is where the journal lies, for messages.
func (r *Root) JournalPath() string { return filepath.Join(r.Path, internal, journal) }

// OpenJournal opens the journal for reading.
func (r *Root) OpenJournal() (*os.File, error) {
	in, err := r.dir.Open(internal)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	file, err := in.Read(journal)
	if errors.Is(err, handle.ErrNotRegular) {
		return nil, fmt.Errorf("%s is in the place of a record: %w: move it away", r.JournalPath(), handle.ErrNotRegular)
	}
	return file, err
}

// AppendJournal adds lines to the journal, with one write, and returns once they
// last. Every line ends in a newline; head is the first one of a journal that is
// not there yet. A line that was cut off before, by a kill or a power loss, is
// ended, so that it spoils no other; so is one that another host writes at this
// moment, which leaves an empty line. The caller holds the lock of [Root.LockSeal].
func (r *Root) AppendJournal(head, lines string) error {
	// No later run may link to what verify has found to be damaged: a full root is
	// no reason not to say so.
	if err := r.tidying(func() error { return r.appendJournal(head, lines) }); err != nil {
		return fmt.Errorf("add to the record of the backup root: %w", err)
	}
	return nil
}

func (r *Root) appendJournal(head, lines string) error {
	in, err := r.ours()
	if err != nil {
		return err
	}
	defer in.Close()
	file, err := in.OpenFile(journal, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		lines = head + lines
	} else {
		var last [1]byte
		if _, err := file.ReadAt(last[:], info.Size()-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			lines = "\n" + lines
		}
	}
	if _, err := file.WriteString(lines); err != nil {
		return err
	}
	// Without this a power loss takes back what the catalog may hold already, and
	// with the catalog it would be gone.
	if err := file.Sync(); err != nil {
		return err
	}
	if info.Size() == 0 {
		// And without this, the file itself.
		return in.Sync()
	}
	return file.Close()
}
