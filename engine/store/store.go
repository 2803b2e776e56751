// Package store keeps snapshot directories under a backup root. It is the only
// code that writes there, and what makes a snapshot whole or nothing.
//
// Most callers [Open] a [Root], take the lock of a backup name, [Root.Begin] a
// [Partial], fill its tree through [Dir] handles and [Partial.Seal] it:
//
//	<root>/.phlb/locks/             who is writing
//	<root>/.phlb/record             the journal, see [Root.AppendJournal]
//	<root>/NAME/STAMP/              a sealed snapshot, the user's files alone
//	<root>/NAME/STAMP.sha256.gz     its manifest, called after its algorithm
//	<root>/NAME/STAMP.log           its log
//	<root>/NAME/STAMP.partial/      a run under way: tree/, manifest and log,
//	                                and in previous/ the tree and manifest of a
//	                                run before it that was cut off
//	<root>/NAME/latest              symbolic link to the newest snapshot; latest.txt
//	                                has its name where there are no links
//
// No method changes an inode that a sealed snapshot holds: what was linked is
// never written to, and [Dir.Replace] puts another inode in its place. The
// package does not know what a manifest says; whether content agrees is its
// callers' business.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"phlb/engine/handle"
	"phlb/engine/manifest"
	"phlb/engine/store/deletion"
)

const (
	internal      = ".phlb"
	catalogName   = "catalog.ql"
	partialSuffix = ".partial"
	logSuffix     = ".log"

	// lostAndFound is fsck's, at the top of a file system of its own, and not
	// for an ordinary user to look into.
	lostAndFound = "lost+found"
)

var (
	// ErrNoHardlinks says that the file system of the root has none.
	ErrNoHardlinks = errors.New("file system has no hardlinks")
	// ErrName says that a backup name cannot be a folder's.
	ErrName = errors.New("not a usable backup name")
)

// Root is a backup root that is open.
type Root struct {
	Path string // absolute, without symbolic links

	// Planned are manifests of snapshots that a dry run would have sealed, by
	// their paths elsewhere.
	Planned map[Ref]string

	dir          *Dir
	fine         bool // whether the root is known to keep times to the nanosecond
	wholeSeconds bool // whether no fraction of a time outlives the renaming of a folder above

	mu       sync.Mutex
	workshop *workshop // nil as long as none was needed

	drawn    atomic.Bool // whether the reserve was given up
	textMade atomic.Bool // see MadeText
}

// Ref names a sealed snapshot by its place under the root.
type Ref struct {
	Name  string // backup name
	Stamp string // folder below it
}

// String returns NAME/STAMP, the path below the root.
func (r Ref) String() string { return r.Name + "/" + r.Stamp }

// Open opens the root at path, which must exist. Errors: those of the system,
// and that path is no directory.
func Open(path string) (*Root, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, rootError(path, err)
	}
	if real, err = filepath.Abs(real); err != nil {
		return nil, rootError(path, err)
	}
	dir, err := handle.OpenWriter(real)
	if err != nil {
		return nil, rootError(path, err)
	}
	if i, err := dir.Look(internal); err == nil && i.Kind != manifest.Dir {
		dir.Close()
		return nil, fmt.Errorf("backup root: %s is a %v: move it away, and look who has put it there", filepath.Join(real, internal), i.Kind)
	}
	r := &Root{Path: real, dir: dir}
	dir.Workshop = r.openWorkshop
	return r, nil
}

// ours opens a folder of ours by the names that lead to it, and makes what is
// missing, for our eyes only. The caller closes it.
func (r *Root) ours(names ...string) (*Dir, error) {
	at, err := r.dir.Enter(internal, 0o700)
	for _, name := range names {
		if err != nil {
			return nil, err
		}
		var next *Dir
		next, err = at.Enter(name, 0o700)
		at.Close()
		at = next
	}
	return at, err
}

// rootError returns an error about the root at path, with what to do where there can
// be no root, or where this user can have none.
func rootError(path string, err error) error {
	const elsewhere = "choose another place with backup_path in phlb.toml, PHLB_BACKUP_PATH or --backup-path"
	advice := ""
	switch {
	case errors.Is(err, syscall.EROFS):
		advice = "; mount it for writing, or " + elsewhere
	case errors.Is(err, fs.ErrPermission):
		advice = "; look to whom it belongs, or " + elsewhere
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENOTSUP),
		errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENAMETOOLONG):
		advice = "; " + elsewhere
	}
	return fmt.Errorf("backup root %s: %w%s", path, err, advice)
}

// Create opens the root at path for writing. It makes the directory where it
// is missing, for our eyes only: the files below are as open as they were in
// their sources, but not all directories are that led to them there. It refuses a
// file system without hardlinks with [ErrNoHardlinks].
func Create(path string) (*Root, error) {
	if err := makeRoot(path); err != nil {
		return nil, rootError(path, err)
	}
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	r.keepPrivate()
	if err := r.tidying(r.probe); err != nil {
		r.Close()
		return nil, err
	}
	r.Reserve()
	return r, nil
}

func makeRoot(path string) error {
	// Whoever may write there may put another root in the place of this one.
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := mkdirPrivate(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// keepPrivate takes the folder of ours from others, to whom a version of phlb may
// have left it that went by the umask alone. What hinders it is no reason to stop.
func (r *Root) keepPrivate() {
	in, err := r.dir.Open(internal)
	if err != nil {
		return // it is made private
	}
	defer in.Close()
	if own, err := in.Self(); err == nil && own.Mode&0o077 != 0 {
		in.Chmod(own.Mode &^ 0o077)
	}
}

// probe makes a link and looks at it: some file systems copy instead. It finds
// out how finely times are kept, too.
func (r *Root) probe() error {
	dir, err := r.openWorkshop()
	if err != nil {
		return rootError(r.Path, err)
	}
	name := tempFile("probe-")
	link := name + "-link"
	f, err := dir.Create(name)
	if err != nil {
		return rootError(r.Path, err)
	}
	defer dir.Remove(name)
	defer f.Close()
	if err := dir.Link(dir, name, link); IsFull(err) {
		return rootError(r.Path, err)
	} else if err != nil {
		return fmt.Errorf("backup root %s: %w: %w; choose a root on another file system", r.Path, ErrNoHardlinks, err)
	}
	defer dir.Remove(link)
	odd := &manifest.Entry{Kind: manifest.File, Mtime: manifest.Time{Sec: 1e9, Nsec: 123456789}}
	odd.Permissions = manifest.Permissions{Mode: 0o600, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	// What is not kept of metadata here is not of what is stored either, and told then.
	if err := f.Finish(odd); err != nil && len(Lost(err)) == 0 {
		return rootError(r.Path, err)
	}
	if r.fine = odd.Stored == nil; !r.fine {
		r.wholeSeconds = !keepsTime(dir, name)
	}
	a, err := dir.Look(name)
	if err != nil {
		return rootError(r.Path, err)
	}
	b, err := dir.Look(link)
	if err != nil {
		return rootError(r.Path, err)
	}
	if !a.SameAs(&b) {
		return fmt.Errorf("backup root %s: %w: a link became a copy; choose a root on another file system", r.Path, ErrNoHardlinks)
	}
	return nil
}

// keepsTime reports whether the file called name keeps its time when a folder that
// it lies in is renamed, as that of every snapshot is in the end: encfs sets the
// times of all below to whole seconds. What hinders the trial is no reason to stop.
func keepsTime(dir *Dir, name string) bool {
	folder := name + "-folder"
	in, err := dir.Mkdir(folder)
	if err != nil {
		return true
	}
	defer deletion.Erase(dir, folder)
	defer in.Close()
	renamed := name + "-renamed"
	before, err := dir.Mtime(name)
	if err == nil {
		err = in.Link(dir, name, name)
	}
	if err == nil {
		err = dir.Rename(folder, dir, renamed)
	}
	if err != nil {
		return true
	}
	defer deletion.Erase(dir, renamed)
	moved, err := dir.Open(renamed)
	if err != nil {
		return true
	}
	defer moved.Close()
	after, err := moved.Mtime(name)
	return err != nil || after == before
}

// Keeps returns the modification time to set for t: its whole seconds, where no
// fraction of a time outlives the renaming of a snapshot's folder.
func (r *Root) Keeps(t manifest.Time) manifest.Time {
	if r.wholeSeconds {
		t.Nsec = 0
	}
	return t
}

// tempFile returns a name for a file in a folder of ours, which nobody else has.
func tempFile(prefix string) string { return fmt.Sprintf("%s%016x", prefix, rand.Uint64()) }

// Close releases the root.
func (r *Root) Close() {
	r.closeWorkshop()
	if r.drawn.Load() {
		r.Reserve()
	}
	r.dir.Close()
}

// Dir returns the root's own handle, valid until Close.
func (r *Root) Dir() *Dir { return r.dir }

// CatalogPath is where the catalog lies if nothing else is configured.
func (r *Root) CatalogPath() string { return filepath.Join(r.Path, internal, catalogName) }

// OpenCatalogFolder returns a path of the catalog, like CatalogPath, that leads through
// an open folder where the system has such paths: nobody can put a link on the way.
// The caller calls release once the path is not needed any more.
func (r *Root) OpenCatalogFolder() (path string, release func(), err error) {
	in, err := r.dir.Open(internal)
	if errors.Is(err, fs.ErrNotExist) { // and so there is no catalog either
		return r.CatalogPath(), func() {}, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("backup root %s: %w", r.Path, err)
	}
	if i, err := in.Look(catalogName); err == nil && i.Kind != manifest.File {
		in.Close()
		return "", nil, fmt.Errorf("%s is a %v: move it away, and the next command makes a catalog from the manifests; a catalog may lie elsewhere, if phlb.toml says so", r.CatalogPath(), i.Kind)
	}
	if path = in.PathOf(catalogName); path == "" {
		path = r.CatalogPath()
	}
	return path, in.Close, nil
}

// SnapshotPath returns the absolute path of a sealed snapshot's tree.
func (r *Root) SnapshotPath(ref Ref) string { return filepath.Join(r.Path, ref.Name, ref.Stamp) }

// ManifestPath returns the absolute path of a sealed snapshot's manifest.
func (r *Root) ManifestPath(ref Ref) string {
	for _, a := range slices.Backward(manifest.Algorithms) {
		if r.HasBeside(ref, a.Suffix()) {
			return r.SnapshotPath(ref) + a.Suffix()
		}
	}
	return r.SnapshotPath(ref) + manifest.Suffix
}

// HasManifest reports whether something lies in the place of a snapshot's manifest.
func (r *Root) HasManifest(ref Ref) bool {
	return slices.ContainsFunc(manifest.Algorithms, func(a manifest.Algorithm) bool { return r.HasBeside(ref, a.Suffix()) })
}

// LogPath returns the absolute path of a sealed snapshot's log.
func (r *Root) LogPath(ref Ref) string { return r.SnapshotPath(ref) + logSuffix }

// Names returns the backup names under the root, sorted.
func (r *Root) Names() ([]string, error) {
	all, err := r.dir.List()
	if err != nil {
		return nil, rootError(r.Path, err)
	}
	var names []string
	for _, c := range all {
		if c.Kind == manifest.Dir && CheckName(c.Name) == nil {
			names = append(names, c.Name)
		}
	}
	return names, nil
}

// list returns what lies in the folder of a name, sorted.
func (r *Root) list(name string) (all []handle.Child, err error) {
	folder, err := r.dir.Open(name)
	if err == nil {
		defer folder.Close()
		all, err = folder.List()
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", name, err)
	}
	return all, nil
}

// manifests returns the stamps that a manifest in the list is called by.
func manifests(list []handle.Child) map[string]bool {
	stamps := map[string]bool{}
	for _, c := range list {
		if stamp, ok := manifest.CutSuffix(c.Name); ok {
			stamps[stamp] = true
		}
	}
	return stamps
}

// Sealed returns the sealed snapshots of a name, sorted by folder name: those
// directories that a manifest lies beside.
func (r *Root) Sealed(name string) ([]Ref, error) {
	list, err := r.list(name)
	if err != nil {
		return nil, deletion.UnlessGone(err)
	}
	var refs []Ref
	beside := manifests(list)
	for _, c := range list {
		if c.Kind == manifest.Dir && beside[c.Name] {
			refs = append(refs, Ref{name, c.Name})
		}
	}
	return refs, nil
}

// Adoptable returns the directories under name that no manifest lies beside
// and that can be snapshots: neither a run under way nor where the link to the
// newest one belongs.
func (r *Root) Adoptable(name string) ([]Ref, error) {
	list, err := r.list(name)
	if err != nil {
		return nil, err
	}
	var refs []Ref
	beside := manifests(list)
	for _, c := range list {
		if c.Kind == manifest.Dir && !beside[c.Name] &&
			!strings.HasSuffix(c.Name, partialSuffix) && !strings.HasPrefix(c.Name, ".") && c.Name != latest {
			refs = append(refs, Ref{name, c.Name})
		}
	}
	return refs, nil
}

// Strays returns what lies under name and belongs to no snapshot, sealed or to
// be adopted, nor to a run under way.
func (r *Root) Strays(name string) ([]string, error) {
	list, err := r.list(name)
	if err != nil {
		return nil, err
	}
	var strays []string
	for _, c := range list {
		_, isManifest := manifest.CutSuffix(c.Name)
		ours := c.Name == latest || c.Name == latestText || isRemoved(c) || isManifest || strings.HasSuffix(c.Name, logSuffix) ||
			slices.ContainsFunc(list, func(tree handle.Child) bool { // what a tool has left beside it
				return tree.Kind == manifest.Dir && strings.HasPrefix(c.Name, tree.Name)
			})
		if !ours || c.Kind == manifest.Dir && strings.HasPrefix(c.Name, ".") && !isRemoved(c) {
			strays = append(strays, c.Name)
		}
	}
	return strays, nil
}

// OpenSnapshot opens a sealed snapshot's tree.
func (r *Root) OpenSnapshot(ref Ref) (*Dir, error) {
	d, err := r.dir.Descend(ref.String())
	if err != nil {
		return nil, fmt.Errorf("open snapshot %s: %w", ref, err)
	}
	return d, nil
}

// HasTree reports whether there is a directory where the snapshot's tree is, or
// may come to be.
func (r *Root) HasTree(ref Ref) bool {
	i, err := r.look(ref, "")
	return err == nil && i.Kind == manifest.Dir
}

// HasBeside reports whether something lies beside the snapshot's tree that is
// called like it, with that suffix.
func (r *Root) HasBeside(ref Ref, suffix string) bool {
	_, err := r.look(ref, suffix)
	return err == nil
}

// HasOurs reports whether something called so lies in the root's folder for what
// is no snapshot.
func (r *Root) HasOurs(name string) bool {
	dir, err := r.dir.Open(internal)
	if err != nil {
		return false
	}
	defer dir.Close()
	_, err = dir.Look(name)
	return err == nil
}

// look returns what lies where a snapshot does, or beside it with that suffix.
func (r *Root) look(ref Ref, suffix string) (Inode, error) {
	folder, err := r.dir.Open(ref.Name)
	if err != nil {
		return Inode{}, err
	}
	defer folder.Close()
	return folder.Look(ref.Stamp + suffix)
}

// OpenManifest opens a sealed snapshot's manifest. One by the default algorithm comes
// last: a phlb that knows no other may have added the snapshot once more.
func (r *Root) OpenManifest(ref Ref) (f *os.File, err error) {
	if path, ok := r.Planned[ref]; ok {
		return os.Open(path)
	}
	for _, a := range slices.Backward(manifest.Algorithms) {
		if f, err = r.OpenBeside(ref, a.Suffix()); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return f, err
}

// OpenLog opens the log of the run that made a snapshot.
func (r *Root) OpenLog(ref Ref) (*os.File, error) { return r.OpenBeside(ref, logSuffix) }

// OpenBeside opens the regular file beside a snapshot's tree that is called like
// it, with that suffix.
func (r *Root) OpenBeside(ref Ref, suffix string) (*os.File, error) {
	folder, err := r.dir.Open(ref.Name)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return folder.Read(ref.Stamp + suffix)
}

// Linked returns the backup names in the place of whose folder a symbolic link lies,
// sorted. [Root.Names] has none of them.
func (r *Root) Linked() (names []string, err error) {
	all, err := r.dir.List()
	for _, c := range all {
		if c.Kind == manifest.Symlink && CheckName(c.Name) == nil {
			names = append(names, c.Name)
		}
	}
	return names, err
}
