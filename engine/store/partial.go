package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"sync"

	"phlb/engine/handle"
	"phlb/engine/manifest"
	"phlb/engine/store/deletion"
)

const (
	treeName     = "tree"
	manifestName = "manifest" + manifest.Suffix
	logName      = "log"
	previousName = "previous"
	timesName    = "times"
	namesName    = "names"
)

// Partial is a run under way. The caller holds the lock of its name.
type Partial struct {
	Ref
	Tree     *Dir     // what will be the snapshot
	Scratch  *Dir     // has manifest and log, and files that are not in the tree yet; swept with the partial
	Manifest *os.File // to be written and closed by the caller before Seal
	Log      *os.File // to be written and closed by the caller before Seal
	Previous *Previous
	Hash     manifest.Algorithm // of the digests in the manifest, after which that is called
	Older    bool               // than another of its name: latest is left as it is

	// Left are the folders of runs that were cut off, where all this is planned:
	// what Begin takes over from them, or else sweeps.
	Left []*Dir

	root   *Root
	folder *Dir   // the folder of the backup name
	in     *Dir   // the folder that Scratch lies in, which is closed elsewhere
	name   string // of Scratch in that folder

	foresee sync.Mutex // guards times
	times   *Dir       // in Scratch, made by Foresee
	names   *Dir       // in Scratch, made by Apart
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
	p := &Partial{Ref: Ref{name, stamp}, root: r}
	if err := p.begin(); err != nil {
		p.Close()
		return nil, fmt.Errorf("begin %s: %w", p.Ref, err)
	}
	return p, nil
}

func (p *Partial) begin() (err error) {
	if p.folder, err = p.root.enterName(p.Name); err != nil {
		return err
	}
	p.in = p.folder
	if err := p.root.recover(p.folder, p.Name); err != nil {
		return err
	}
	if p.Ref, err = p.root.free(p.folder, p.Ref); err != nil {
		return err
	}
	p.name = p.Stamp + partialSuffix
	if err := p.makeFolder(); err != nil {
		return err
	}
	return p.open()
}

// Plan is Begin for a dry run: what it returns cannot be sealed and has no
// tree. Its manifest is written in dir, its log is lost, and what a run that was
// cut off has left is read where it lies.
func (r *Root) Plan(name, stamp, dir string) (_ *Partial, err error) {
	p := &Partial{root: r}
	if err := r.CheckFolder(name); err != nil {
		return nil, err
	}
	if p.folder, err = r.dir.Open(name); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		p.Ref, err = r.free(p.folder, Ref{name, stamp})
	}
	if err == nil {
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
	if p.folder == nil {
		return nil
	}
	left, err := partials(p.folder)
	if err != nil || len(left) == 0 {
		return deletion.UnlessGone(err)
	}
	for _, name := range left {
		dir, err := p.folder.Open(name)
		if err != nil {
			return deletion.UnlessGone(err)
		}
		p.Left = append(p.Left, dir)
	}
	last := p.Left[len(left)-1]
	if previous, err := last.Open(previousName); err == nil {
		defer previous.Close()
		if manifestSize(last) <= manifestSize(previous) {
			last = previous
		}
	}
	p.Previous = openPrevious(last)
	return nil
}

// free returns ref, or one of a like stamp, that nothing of is there yet. Without
// a folder nothing of any is.
func (r *Root) free(folder *Dir, ref Ref) (Ref, error) {
	stamp := ref.Stamp
	beside := []string{"", logSuffix}
	for _, a := range manifest.Algorithms {
		beside = append(beside, a.Suffix())
	}
	for n := 2; ; n++ {
		_, taken := r.Planned[ref]
		for _, suffix := range beside {
			if folder == nil {
				break
			}
			_, err := folder.Look(ref.Stamp + suffix)
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

// partials returns the names of the runs that were cut off. There is one at the
// most, unless somebody else put another there.
func partials(folder *Dir) (names []string, err error) {
	all, err := folder.List()
	for _, c := range all {
		if c.Kind == manifest.Dir && strings.HasSuffix(c.Name, partialSuffix) {
			names = append(names, c.Name)
		}
	}
	return names, err
}

// recover completes a seal that was cut off after the manifest got its name:
// all that it vouches for had been synced before. A log that got its name
// without the manifest is that of no snapshot.
func (r *Root) recover(folder *Dir, name string) error {
	left, err := partials(folder)
	if err != nil {
		return err
	}
	for _, partial := range left {
		ref := Ref{name, strings.TrimSuffix(partial, partialSuffix)}
		switch err := lookForManifest(folder, ref.Stamp); {
		case err == nil:
			var late *LateError // the next seal will say it
			if err := r.complete(folder, ref, folder, partial, true); err != nil && !errors.As(err, &late) {
				return err
			}
		case !errors.Is(err, fs.ErrNotExist):
			return err
		default:
			if err := folder.Remove(ref.Stamp + logSuffix); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookForManifest returns an error that [fs.ErrNotExist] is in where there is no manifest
// of that stamp.
func lookForManifest(folder *Dir, stamp string) (err error) {
	for _, a := range manifest.Algorithms {
		if _, err = folder.Look(stamp + a.Suffix()); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// complete ends a seal once log and manifest have their names; what is left of
// the partial lies in a directory under a name. It may be called again where it
// was cut off. Once the tree has its name, the snapshot is there, and an error is a
// [*LateError].
func (r *Root) complete(folder *Dir, ref Ref, in *Dir, partial string, point bool) error {
	// Without this a power loss could keep the tree's new name and lose the
	// manifest's: a snapshot of which nothing is known.
	if err := folder.Sync(); err != nil {
		return err
	}
	from, err := in.Open(partial)
	if err != nil {
		return err
	}
	err = moveTree(from, treeName, folder, ref.Stamp)
	from.Close()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	late := &LateError{}
	if point {
		late.Err = r.point(folder, ref)
	}
	// Without this a power loss could undo the seal after it was reported.
	if err := folder.Sync(); err != nil {
		late.Unsynced = true
		late.Err = errors.Join(late.Err, err)
	}
	if late.Err = errors.Join(late.Err, deletion.Erase(in, partial)); late.Err != nil {
		return late
	}
	return nil
}

// LateError is one that came once the snapshot was there: latest is not a link
// to it, not all that the run needed is cleared away, or the snapshot is not known
// to have reached the disk.
type LateError struct {
	Err      error
	Unsynced bool // whether a power loss may take the snapshot back
}

// Error returns the message.
func (e *LateError) Error() string { return e.Err.Error() }

// Unwrap returns the system's error.
func (e *LateError) Unwrap() error { return e.Err }

// moveTree renames a tree of ours. To move a directory into another one takes
// the right to write to it, which its mode may not give even to its owner. A
// kill in between leaves the tree for our eyes only; the manifest has its mode.
func moveTree(from *Dir, old string, to *Dir, new string) error {
	err := from.Rename(old, to, new)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	i, err := from.Look(old)
	if err != nil {
		return err
	}
	if err := from.Allow(old); err != nil {
		return err
	}
	tree, err := from.Open(old)
	if err != nil {
		return err
	}
	defer tree.Close()
	if err := from.Rename(old, to, new); err != nil {
		return err
	}
	return tree.Chmod(i.Mode)
}

// makeFolder makes the partial's folder, by giving it that of a run that was
// cut off, if there is one: so there never are two.
func (p *Partial) makeFolder() error {
	left, err := partials(p.folder)
	if err != nil {
		return err
	}
	if i, err := p.folder.Look(p.name); err == nil && i.Kind != manifest.Dir {
		if err := p.folder.Remove(p.name); err != nil { // nothing of ours
			return err
		}
	}
	if len(left) == 0 {
		p.Scratch, err = p.folder.Mkdir(p.name)
		return err
	}
	newest := left[len(left)-1]
	for _, name := range left[:len(left)-1] {
		if err := deletion.Erase(p.folder, name); err != nil {
			return err
		}
	}
	if newest != p.name {
		if err := p.folder.Rename(newest, p.folder, p.name); err != nil {
			return err
		}
	}
	if p.Scratch, err = p.folder.Open(p.name); err != nil {
		return err
	}
	if err := p.takeFolder(); err != nil {
		return err
	}
	return p.keepBetter()
}

// takeFolder makes sure that nobody else can change what the run makes in the
// folder: somebody may have put it there.
func (p *Partial) takeFolder() error {
	own, err := p.Scratch.Self()
	if err != nil || own.Mode&0o077 == 0 {
		return err
	}
	return p.Scratch.AllowSelf()
}

// keepBetter moves to previous/ the tree of the run that was cut off or leaves
// there that of the one before it, whichever got further by the size of its
// manifest. A tree goes first and its manifest after it, and one without the
// other is worth nothing: a kill in between costs time, not truth.
func (p *Partial) keepBetter() error {
	previous, err := p.Scratch.Open(previousName)
	if err == nil {
		defer previous.Close()
		if manifestSize(p.Scratch) <= manifestSize(previous) {
			return p.clear()
		}
	} else if manifestSize(p.Scratch) == 0 {
		return p.clear()
	}
	if err := deletion.Erase(p.Scratch, previousName); err != nil {
		return err
	}
	kept, err := p.Scratch.Mkdir(previousName)
	if err != nil {
		return err
	}
	defer kept.Close()
	err = moveTree(p.Scratch, treeName, kept, treeName)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = p.Scratch.Rename(manifestName, kept, manifestName)
	}
	if err != nil {
		return err
	}
	return p.clear()
}

// clear removes all in the folder but previous/.
func (p *Partial) clear() error {
	names, err := p.Scratch.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != previousName {
			if err := deletion.Erase(p.Scratch, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func manifestSize(dir *Dir) int64 {
	i, err := dir.Look(manifestName)
	if err != nil || i.Kind != manifest.File {
		return 0
	}
	return i.Size
}

func (p *Partial) open() (err error) {
	// What is made below would inherit a default ACL of the root, and with it
	// access that its source does not grant.
	p.Scratch.DisinheritSelf()
	if p.Tree, err = p.Scratch.Mkdir(treeName); err != nil {
		return err
	}
	if err := p.createFiles(); err != nil {
		return err
	}
	previous, err := p.Scratch.Open(previousName)
	if err != nil {
		return nil // nothing was cut off
	}
	defer previous.Close()
	p.Previous = openPrevious(previous)
	return nil
}

// openPrevious returns what a run that was cut off has left in dir: nil if that
// is nothing, or nothing of use.
func openPrevious(dir *Dir) *Previous {
	file, err := dir.Read(manifestName)
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

// createFiles makes manifest and log. They tell what lies in directories that
// others cannot read: they are for our eyes only.
func (p *Partial) createFiles() (err error) {
	if p.Manifest, err = p.Scratch.OpenFile(manifestName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	p.Log, err = p.Scratch.OpenFile(logName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return err
}

// Close releases the partial's handles. What is not sealed stays for the next
// run to take over.
func (p *Partial) Close() {
	for _, d := range append(p.Left, p.Tree, p.times, p.names, p.Scratch, p.folder) {
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
	return deletion.Erase(p.Scratch, previousName)
}

// Foresee sets e.Stored where [handle.Writer.Finish] will: the entry of a
// directory is wanted before that is full. A time that the root may not keep is
// tried on an empty directory; in that of e others may be making something, and
// every name that is made moves the time.
func (p *Partial) Foresee(e *manifest.Entry) error {
	if p.root.fine && e.Mtime.Sec >= 0 && e.Mtime.Sec <= math.MaxInt32 {
		return nil
	}
	p.foresee.Lock()
	defer p.foresee.Unlock()
	if p.times == nil {
		var err error
		if p.times, err = p.Scratch.Mkdir(timesName); err != nil {
			return err
		}
	}
	if err := p.times.SetMtime(e.Mtime); err != nil {
		return err
	}
	made, err := p.times.Self()
	if err != nil {
		return err
	}
	made.Note(e)
	return nil
}

// Sync writes all that the run has made to the disk. Without it a power loss
// after the seal could leave a sealed snapshot with files that are empty.
func (p *Partial) Sync() error {
	if err := p.sync(); err != nil {
		return fmt.Errorf("sync %s: %w", p.Ref, err)
	}
	return nil
}

func (p *Partial) sync() error {
	if handle.SyncsAll {
		return p.Tree.SyncFS()
	}
	// Files and directories of the tree were synced one by one as they were
	// finished. Without this a power loss after the seal could leave a snapshot
	// whose manifest or log is empty or cut off.
	for _, name := range []string{manifestName, logName} {
		f, err := p.Scratch.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
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

func (p *Partial) seal() (err error) {
	for _, d := range []**Dir{&p.times, &p.names} { // not every system removes what is open
		if *d != nil {
			(*d).Close()
			*d = nil
		}
	}
	moves := []struct{ from, to string }{
		{logName, p.Stamp + logSuffix},
		{manifestName, p.Stamp + p.Hash.Suffix()},
	}
	moved := 0
	defer func() {
		var late *LateError
		if err == nil || errors.As(err, &late) {
			return
		}
		// Nothing is sealed, and so the next run must not find a manifest that says
		// otherwise.
		for _, move := range moves[:moved] {
			err = errors.Join(err, p.folder.Rename(move.to, p.Scratch, move.from))
		}
	}()
	for _, move := range moves {
		if err := p.Scratch.Rename(move.from, p.folder, move.to); err != nil {
			return err
		}
		moved++
	}
	return p.root.complete(p.folder, p.Ref, p.in, p.name, !p.Older)
}
