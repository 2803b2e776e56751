package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/xattr"

	"phlb/engine/manifest"
)

const (
	treeName     = "tree"
	manifestName = "manifest" + manifest.Suffix
	logName      = "log"
	previousName = "previous"
)

// Partial is a run under way. The caller holds the lock of its name.
type Partial struct {
	Ref
	Tree     *Dir     // what will be the snapshot
	Scratch  *Dir     // for files that are not in the tree yet; swept with the partial
	Manifest *os.File // to be written and closed by the caller before Seal
	Log      *os.File // the same
	Previous *Previous
	Older    bool // than another of its name: latest is left as it is

	// Left are the folders of runs that were cut off, where all this is planned:
	// what Begin takes over from them, or else sweeps.
	Left []string

	root *Root
	path string
}

// Previous is what a run that was cut off has left: its files can be linked,
// so far as its manifest vouches for them.
type Previous struct {
	Tree     *Dir
	Manifest *os.File
}

// Begin starts a snapshot of that name. The folder is called stamp, or stamp-2,
// stamp-3 and so on where that is taken. What a run that was cut off has left
// is taken over.
func (r *Root) Begin(name, stamp string) (*Partial, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if stamp == latest || strings.HasSuffix(stamp, partialSuffix) || CheckName(stamp) != nil {
		return nil, fmt.Errorf("snapshot folder %q cannot be made: change snapshot_format", stamp)
	}
	dir := filepath.Join(r.Path, name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("begin %s: %w", name, err)
	}
	if err := r.recover(name); err != nil {
		return nil, fmt.Errorf("begin %s: %w", name, err)
	}
	ref, err := r.free(Ref{name, stamp})
	if err != nil {
		return nil, fmt.Errorf("begin %s: %w", name, err)
	}
	p := &Partial{Ref: ref, root: r, path: r.SnapshotPath(ref) + partialSuffix}
	if err := p.makeFolder(); err != nil {
		return nil, fmt.Errorf("begin %s: %w", ref, err)
	}
	if err := p.open(); err != nil {
		p.Close()
		return nil, fmt.Errorf("begin %s: %w", ref, err)
	}
	return p, nil
}

// Plan is Begin for a dry run: what it returns cannot be sealed and has no
// tree. Its manifest is written in dir, its log is lost, and what a run that was
// cut off has left is read where it lies.
func (r *Root) Plan(name, stamp, dir string) (_ *Partial, err error) {
	p := &Partial{root: r}
	if p.Ref, err = r.free(Ref{name, stamp}); err == nil {
		err = p.createPlanned(dir)
	}
	if err == nil {
		err = p.lookBack()
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("plan %s: %w", name, err)
	}
	return p, nil
}

func (p *Partial) createPlanned(dir string) (err error) {
	if p.Manifest, err = os.CreateTemp(dir, p.Name+"-*"+manifest.Suffix); err != nil {
		return err
	}
	p.Log, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	return err
}

// lookBack finds what Begin would take over: nothing where another snapshot of
// the name is planned, which has done so.
func (p *Partial) lookBack() (err error) {
	for ref := range p.root.Planned {
		if ref.Name == p.Name {
			return nil
		}
	}
	p.Left, err = p.root.partials(p.Name)
	if err != nil || len(p.Left) == 0 {
		return unlessGone(err)
	}
	path := p.Left[len(p.Left)-1]
	if better := filepath.Join(path, previousName); manifestSize(path) <= manifestSize(better) {
		path = better
	}
	below, err := filepath.Rel(p.root.Path, path)
	if err != nil {
		return err
	}
	dir, err := p.root.dir.Descend(filepath.ToSlash(below))
	if err != nil {
		return unlessGone(err)
	}
	defer dir.Close()
	p.Previous = openPrevious(dir, path)
	return nil
}

// free returns ref, or one of a like stamp, that nothing of is there yet.
func (r *Root) free(ref Ref) (Ref, error) {
	stamp := ref.Stamp
	for n := 2; ; n++ {
		_, taken := r.Planned[ref]
		for _, path := range []string{r.SnapshotPath(ref), r.ManifestPath(ref), r.LogPath(ref)} {
			_, err := os.Lstat(path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return ref, err
			}
			taken = taken || err == nil
		}
		if !taken {
			return ref, nil
		}
		ref.Stamp = fmt.Sprintf("%s-%d", stamp, n)
	}
}

// partials returns the paths of the runs of a name that were cut off. There is
// one at the most, unless somebody else put another there.
func (r *Root) partials(name string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.Path, name))
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if e.IsDir() && strings.HasSuffix(e.Name(), partialSuffix) {
			paths = append(paths, filepath.Join(r.Path, name, e.Name()))
		}
	}
	return paths, nil
}

// recover completes a seal that was cut off after the manifest got its name:
// all that it vouches for had been synced before. A log that got its name
// without the manifest is that of no snapshot.
func (r *Root) recover(name string) error {
	paths, err := r.partials(name)
	if err != nil {
		return err
	}
	for _, path := range paths {
		ref := Ref{name, strings.TrimSuffix(filepath.Base(path), partialSuffix)}
		switch _, err := os.Lstat(r.ManifestPath(ref)); {
		case err == nil:
			var late *LateError // the next seal will say it
			if err := r.complete(ref, path, true); err != nil && !errors.As(err, &late) {
				return err
			}
		case !errors.Is(err, fs.ErrNotExist):
			return err
		default:
			if err := remove(r.LogPath(ref)); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete ends a seal once log and manifest have their names. It may be called
// again where it was cut off.
func (r *Root) complete(ref Ref, partial string, point bool) error {
	folder, err := r.dir.Open(ref.Name)
	if err != nil {
		return err
	}
	defer folder.Close()
	// Without this a power loss could keep the tree's new name and lose the
	// manifest's: a snapshot of which nothing is known.
	if err := folder.Sync(); err != nil {
		return err
	}
	if err := moveTree(filepath.Join(partial, treeName), r.SnapshotPath(ref)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var late error
	if point {
		late = r.point(ref)
	}
	// Without this a power loss could undo the seal after it was reported.
	if err := folder.Sync(); err != nil {
		return err
	}
	if late = errors.Join(late, removeTree(partial)); late != nil {
		return &LateError{late}
	}
	return nil
}

// LateError is one that came once the snapshot was there: latest is not a link
// to it, or not all that the run needed is cleared away.
type LateError struct{ Err error }

// Error returns the message.
func (e *LateError) Error() string { return e.Err.Error() }

// Unwrap returns the system's error.
func (e *LateError) Unwrap() error { return e.Err }

// moveTree renames a tree of ours. To move a directory into another one takes
// the right to write to it, which its mode may not give even to its owner. A
// kill in between leaves the tree for our eyes only; the manifest has its mode.
func moveTree(old, new string) error {
	err := os.Rename(old, new)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	info, err := os.Lstat(old)
	if err != nil {
		return err
	}
	if err := os.Chmod(old, 0o700); err != nil {
		return err
	}
	if err := os.Rename(old, new); err != nil {
		return err
	}
	return os.Chmod(new, info.Mode())
}

// makeFolder makes the partial's folder, by giving it that of a run that was
// cut off, if there is one: so there never are two.
func (p *Partial) makeFolder() error {
	left, err := p.root.partials(p.Name)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		return os.Mkdir(p.path, 0o700)
	}
	newest := left[len(left)-1]
	for _, path := range left[:len(left)-1] {
		if err := removeTree(path); err != nil {
			return err
		}
	}
	if newest != p.path {
		if err := os.Rename(newest, p.path); err != nil {
			return err
		}
	}
	return p.keepBetter()
}

// keepBetter moves to previous/ the tree of the run that was cut off or leaves
// there that of the one before it, whichever got further by the size of its
// manifest. A tree goes first and its manifest after it, and one without the
// other is worth nothing: a kill in between costs time, not truth.
func (p *Partial) keepBetter() error {
	previous := filepath.Join(p.path, previousName)
	if manifestSize(p.path) <= manifestSize(previous) {
		return p.clear()
	}
	if err := removeTree(previous); err != nil {
		return err
	}
	if err := os.Mkdir(previous, 0o700); err != nil {
		return err
	}
	err := moveTree(filepath.Join(p.path, treeName), filepath.Join(previous, treeName))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(filepath.Join(p.path, manifestName), filepath.Join(previous, manifestName))
	}
	if err != nil {
		return err
	}
	return p.clear()
}

// clear removes all in the folder but previous/.
func (p *Partial) clear() error {
	entries, err := os.ReadDir(p.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != previousName {
			if err := removeTree(filepath.Join(p.path, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func manifestSize(dir string) int64 {
	info, err := os.Lstat(filepath.Join(dir, manifestName))
	if err != nil {
		return 0
	}
	return info.Size()
}

// removeTree removes a tree of ours, making directories writable on the way
// where an ordinary user could not enter them otherwise.
func removeTree(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	// Directories are never shared between snapshots: their mode may change.
	err = filepath.WalkDir(path, func(dir string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			if err := os.Chmod(dir, 0o700); err != nil {
				return err
			}
			if err != nil {
				return nil // read again below, now that it can be
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(path)
}

func (p *Partial) open() error {
	dir, err := p.root.dir.Descend(p.Name + "/" + filepath.Base(p.path))
	if err != nil {
		return err
	}
	p.Scratch = dir
	// What is made below would inherit a default ACL of the root, and with it
	// access that its source does not grant. There mostly is none, or no such
	// thing at all.
	_ = xattr.Remove(p.path, "system.posix_acl_default")
	if p.Tree, err = dir.Mkdir(treeName); err != nil {
		return err
	}
	if err := p.createFiles(); err != nil {
		return err
	}
	previous, err := dir.Open(previousName)
	if err != nil {
		return nil // nothing was cut off
	}
	defer previous.Close()
	p.Previous = openPrevious(previous, filepath.Join(p.path, previousName))
	return nil
}

// openPrevious returns what a run that was cut off has left in dir, which lies
// at path: nil if that is nothing, or nothing of use.
func openPrevious(dir *Dir, path string) *Previous {
	file, err := os.Open(filepath.Join(path, manifestName))
	if err != nil {
		return nil
	}
	tree, err := dir.Open(treeName)
	if err != nil {
		file.Close()
		return nil
	}
	return &Previous{tree, file}
}

// createFiles makes manifest and log, for our eyes only until the seal.
func (p *Partial) createFiles() (err error) {
	if p.Manifest, err = os.OpenFile(filepath.Join(p.path, manifestName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	p.Log, err = os.OpenFile(filepath.Join(p.path, logName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return err
}

// Close releases the partial's handles. What is not sealed stays for the next
// run to take over.
func (p *Partial) Close() {
	for _, d := range []*Dir{p.Tree, p.Scratch} {
		if d != nil {
			d.Close()
		}
	}
	if p.Previous != nil {
		p.Previous.Tree.Close()
		p.Previous.Manifest.Close()
	}
	// Closed by the caller before a seal; this is for the ways out before it.
	if p.Manifest != nil {
		p.Manifest.Close()
	}
	if p.Log != nil {
		p.Log.Close()
	}
}

// DropPrevious deletes what a run that was cut off has left, but for what is
// linked by now. Look-ups in its tree find nothing from then on.
func (p *Partial) DropPrevious() error {
	return removeTree(filepath.Join(p.path, previousName))
}

// Sync writes all that the run has made to the disk. Without it a power loss
// after the seal could leave a sealed snapshot with files that are empty.
func (p *Partial) Sync() error {
	if err := p.Tree.SyncFS(); err != nil {
		return fmt.Errorf("sync %s: %w", p.Ref, err)
	}
	return nil
}

// Seal makes the partial a snapshot, after [Partial.Sync]. Manifest and log
// must be written, closed and synced. After a [*LateError] it is one.
func (p *Partial) Seal(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := p.seal(); err != nil {
		return fmt.Errorf("seal %s: %w", p.Ref, err)
	}
	return nil
}

func (p *Partial) seal() error {
	for _, move := range []struct{ from, to string }{
		{logName, p.root.LogPath(p.Ref)},
		{manifestName, p.root.ManifestPath(p.Ref)},
	} {
		from := filepath.Join(p.path, move.from)
		if err := p.show(from, move.to); err != nil {
			return err
		}
		if err := os.Rename(from, move.to); err != nil {
			return err
		}
	}
	return p.root.complete(p.Ref, p.path, !p.Older)
}

// show lets those read the file, which tells what is in the tree, who can list
// the tree, and not more of them than can read what lies in its place.
func (p *Partial) show(file, place string) error {
	tree, err := p.Tree.Self()
	if err != nil {
		return err
	}
	mode := fs.FileMode(tree.Mode & 0o044)
	if old, err := os.Lstat(place); err == nil {
		mode &= old.Mode()
	}
	if mode == 0o040 && os.Chown(file, -1, int(tree.GID)) != nil {
		mode = 0 // the tree's group is not one of ours, and ours may not list it
	}
	if err := os.Chmod(file, 0o600|mode); err != nil && !cannotBe(err) {
		return err
	}
	return nil
}

// point makes latest a link to the snapshot, in a single step. It replaces
// nothing but a link.
func (r *Root) point(ref Ref) error {
	link := filepath.Join(r.Path, ref.Name, latest)
	if is, err := os.Lstat(link); err == nil && is.Mode().Type() != fs.ModeSymlink {
		return fmt.Errorf("%s is in the way of the link to the newest snapshot: move it away", link)
	}
	temp := filepath.Join(r.Path, ref.Name, tempName(latest))
	if err := remove(temp); err != nil {
		return err
	}
	if err := os.Symlink(ref.Stamp, temp); err != nil {
		return err
	}
	return os.Rename(temp, link)
}

// remove removes the file at path, if it exists.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
