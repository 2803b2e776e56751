package parent

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"path"
	"syscall"

	"phlb/engine/manifest"
	"phlb/engine/store"
)

// ErrPlace says that a manifest lies beside another tree than the one that it is of.
var ErrPlace = errors.New("is of another tree")

// checkPlace returns [ErrPlace] for a manifest that says that it is of another
// snapshot, one that is there too, unless all that it lists is here as it says, as in
// a copy. Where the other is not there, this one was renamed.
func checkPlace(root *store.Root, ref store.Ref, h *manifest.Header) error {
	of := store.Ref{Name: h.Name, Stamp: h.Stamp}
	_, planned := root.Planned[ref]
	if planned || of == ref || store.CheckName(of.Name) != nil || store.CheckName(of.Stamp) != nil || !root.HasTree(of) {
		return nil
	}
	tree, err := root.OpenSnapshot(ref)
	if err != nil {
		return nil // said where the tree is needed
	}
	defer tree.Close()
	file, err := root.OpenManifest(ref)
	if err != nil {
		return err
	}
	defer file.Close()
	m, err := manifest.NewReader(file)
	if err != nil {
		return err
	}
	at := lookout{tree: tree}
	defer at.close()
	for e, err := range m.Entries() {
		if err != nil {
			return err
		}
		if i, err := at.look(e.Path); unlike(e, i, err) {
			return fmt.Errorf("%w: it is the one of %s, and %s is not here as it says", ErrPlace, of, e.Path)
		}
	}
	return nil
}

// unlike reports whether what a look has found is not what the manifest says.
func unlike(e *manifest.Entry, i store.Inode, err error) bool {
	if e.Absent {
		return false
	}
	return isNone(err) || err == nil && (i.Kind != e.Kind || i.Mtime != e.InSnapshot().Mtime || e.Kind == manifest.File && i.Size != e.Size)
}

// lookout looks at paths of a tree, one after the other.
type lookout struct {
	tree   *store.Dir
	folder *store.Dir // that was looked into last
	path   string     // of folder
}

func (l *lookout) look(at string) (store.Inode, error) {
	if at == "." {
		return l.tree.Self()
	}
	if folder := path.Dir(at); l.folder == nil || l.path != folder {
		l.close()
		var err error
		if l.folder, err = l.tree.Descend(folder); err != nil {
			l.folder = nil
			return store.Inode{}, err
		}
		l.path = folder
	}
	return l.folder.Look(path.Base(at))
}

func (l *lookout) close() {
	if l.folder != nil {
		l.folder.Close()
	}
}

// sampleSize is how many paths tell whether a manifest is of a tree.
const sampleSize = 64

// Sampled passes the entries of a manifest on, and ends in an [ErrPlace] where most of
// a sample of them are not in the tree that the manifest lies beside. Files that were
// changed since the snapshot was begun are not held against it: somebody has edited
// them, which verify tells.
func Sampled(root *store.Root, ref store.Ref, started manifest.Time, entries iter.Seq2[*manifest.Entry, error]) iter.Seq2[*manifest.Entry, error] {
	return func(yield func(*manifest.Entry, error) bool) {
		var sample []manifest.Entry
		draw := rand.New(rand.NewPCG(uint64(started.Sec), uint64(started.Nsec)))
		n := 0
		for e, err := range entries {
			if err == nil && e.Path != "." && !e.Absent {
				if n++; len(sample) < sampleSize {
					sample = append(sample, *e)
				} else if i := draw.IntN(n); i < sampleSize {
					sample[i] = *e
				}
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
		if strange := countStrange(root, ref, started, sample); 2*strange > len(sample) {
			yield(nil, &ManifestError{ref, fmt.Errorf("%w: of %d paths that were looked for, %d are not there as it says", ErrPlace, len(sample), strange)})
		}
	}
}

// countStrange counts the entries that no tree has which the manifest is of, even if
// somebody has edited it. A tree that was emptied is not another one.
func countStrange(root *store.Root, ref store.Ref, started manifest.Time, sample []manifest.Entry) (strange int) {
	tree, err := root.OpenSnapshot(ref)
	if _, planned := root.Planned[ref]; planned || err != nil {
		return 0
	}
	defer tree.Close()
	if names, err := tree.Names(); err == nil && len(names) == 0 {
		return 0
	}
	at := lookout{tree: tree}
	defer at.close()
	for i := range sample {
		e := &sample[i]
		found, err := at.look(e.Path)
		edited := err == nil && found.Kind == e.Kind && (e.Kind == manifest.Dir || started.Before(found.Mtime))
		if unlike(e, found, err) && !edited {
			strange++
		}
	}
	return strange
}

// isNone reports whether an error says that there is nothing of that path.
func isNone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}
