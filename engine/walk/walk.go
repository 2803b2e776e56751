// Package walk reads a source tree in the order in which manifests are
// written: directory by directory, see [manifest.Compare].
//
// Most callers fill in a [Walk] and call [Walk.Run]. A tree is read in batches of entries
// that lie in one directory. Three stages run at the same time: one lister opens
// directories and hands out batches in order, several workers look at the entries of one
// batch each, and the goroutine of the caller takes the finished batches, in order again.
//
// Entries are looked up relative to the handle of a directory that was opened without
// following symbolic links, so that a link that is put there meanwhile cannot lead out of
// the tree. The package does not promise a consistent picture: an entry that changes
// during the walk is seen before or after the change, and an entry that vanishes is
// reported in [Batch.Errors].
//
// Paths may be longer than the system allows in a call. One handle is open for each level
// of the directory that is read, and for each of at most a few hundred batches. A directory
// that is too deep for the limit of open files is reported in [Batch.Errors].
package walk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"phlb/engine/manifest"
)

// Entry is a path as a walk has found it. The walk leaves Digest, Xattrs, Group and the
// fields about the snapshot empty.
type Entry struct {
	manifest.Entry
	Dev    uint64 // the file system
	Nlink  uint64
	Blocks int64 // of 512 bytes
	Atime  manifest.Time
	Remote bool // whether the content is only on a server, and is fetched when it is read
	At     int  // the index in Names of the batch
}

// Sparse reports whether the file takes less room than its size.
func (e *Entry) Sparse() bool { return e.Blocks*512 < e.Size }

// ID identifies a file. No two files that exist at the same time have the same ID.
type ID struct{ Dev, Inode uint64 }

// Known reports whether the file system gives numbers to its files. Without numbers two
// paths are never known to be one file.
func (id ID) Known() bool { return id.Inode != 0 }

// Is reports whether both IDs are known to be of one file.
func (id ID) Is(other ID) bool { return id.Known() && id == other }

// ID returns the ID of the file.
func (e *Entry) ID() ID { return ID{e.Dev, e.Inode} }

// Folder is a directory of the source that is being walked. Its Path is only its name, "."
// for the root: many folders in one another would repeat the same names. [Batch.Path] is
// the whole path.
type Folder struct {
	Entry
	Parent *Folder // nil for the root
	Dir    *Dir    // open as long as one of its batches is under way
	Data   any     // for the caller

	frame *frame   // the nearest rules; nil for none
	list  []dirent // the names in it, sorted, while the lister decides on them
	path  string   // the whole path in the source, while the lister decides on the names
	depth int      // 0 for the root

	renamed map[string]string // the names in the source of what [Walk.Rename] has renamed; nil for none
	apart   bool              // whether the folder was renamed, or one around it

	holders atomic.Int32 // how many need Dir: the lister, and each batch under way
}

func (f *Folder) hold() { f.holders.Add(1) }

func (f *Folder) release() {
	if f.holders.Add(-1) == 0 {
		f.Dir.Close()
	}
}

// Spell returns the whole path of the folder, put together from the names of the folders
// around it.
func (f *Folder) Spell() string { return f.spell(func(f *Folder) string { return f.Path }) }

func (f *Folder) spell(name func(*Folder) string) string {
	if f.Parent == nil {
		return "."
	}
	names := make([]string, f.depth)
	for at := f; at.Parent != nil; at = at.Parent {
		names[at.depth-1] = name(at)
	}
	return strings.Join(names, "/")
}

// join returns the path of the entry called name in f.
func (f *Folder) join(name string) string { return join(f.path, name) }

func join(folder, name string) string {
	if folder == "." {
		return name
	}
	return folder + "/" + name
}

// Batch is a part of the entries of one directory, without the directories in it. A batch
// is valid until the function emit returns; then its memory is used for another batch.
//
// Behind the batches of the folders in a folder, one more batch of the outer folder may
// follow, which is neither First nor Last and has no Names: its Errors are about
// directories that could not be opened.
type Batch struct {
	Folder  *Folder
	Path    string   // of the folder, relative to the root; "." for the root
	First   bool     // whether it is the first of the folder, with which the folder's own entry is due
	Last    bool     // whether it is the last of the folder that has entries
	Names   []string // the names that the lister has found, sorted
	Entries []Entry  // the entries of Names that exist and are wanted, in order
	Errors  []error  // each a *fs.PathError whose path is relative to the root
	Skipped int      // how many entries the rules left out
	Folders int      // how many of these are directories
	Left    []Left   // the entries that the rules left out, with NamesLeft
	Data    any      // for the caller; at first that of an earlier batch
	Source  string   // the path of the folder in the source, see [Walk.Rename]

	// Warnings are about ignore files that are not obeyed, or not in full. The walk takes
	// more entries than is wanted then, and misses none. They are errors like Errors.
	Warnings []error

	done chan struct{}
	err  error
}

// Left is an entry that the rules left out.
type Left struct {
	Path string // relative to the root; the path of a directory ends in a slash
	By   string // the text of the rule, or a [Reason]
}

// Walk says what to read and whom to call. Only Root or Dir is needed.
type Walk struct {
	Root string // the source directory
	Dir  *Dir   // the same, where it is open already; the caller closes it
	Rules
	Workers   int  // how many workers there are; 0 for the usual number
	NamesLeft bool // whether batches list the entries that the rules left out

	// Rename is called by the lister for every folder, with its path and the names in it
	// that no rule leaves out, sorted. It returns other names for some of them, for which
	// taken is false: the folder has none that is called so. The walk goes on as if the
	// source had these names, but for the rules, and the SourceName of entries. An error
	// ends the walk.
	Rename func(folder string, names []string, taken func(name string) bool) (map[string]string, error)
	// Prepare is called by the lister for every batch, in order, when Names is filled in and
	// Entries is not. An error ends the walk.
	Prepare func(*Batch) error
	// Work is called for every batch when Entries is filled in, from several goroutines, each
	// with a worker number of its own. An error ends the walk.
	Work func(ctx context.Context, worker int, b *Batch) error
}

const (
	// batchSize is how many entries a batch has, so that several workers share a large
	// directory.
	batchSize = 32
	// lookahead is how many batches may wait for one that takes long. It limits the memory
	// and the open directories. Callers open more directories for each batch, so at most an
	// eighth of the files that may be open is used.
	lookahead = 64
	// handlesPerLevel is how many handles a caller may need for a level of the tree,
	// with that of the walk: a backup has a folder of the source, of the new snapshot, of the
	// parent and of what a run that was cut off has left. Without this limit a tree that is
	// too deep would end the run, as it does where even shallow folders cannot be opened.
	// With it only the deepest folders are missing.
	handlesPerLevel = 5
	// defaultWorkers is more than the cores of a small machine, since workers wait for the
	// file system.
	defaultWorkers = 4
)

// WorkerCount returns how many workers Run starts.
func (w *Walk) WorkerCount() int {
	if w.Workers > 0 {
		return w.Workers
	}
	return defaultWorkers
}

// Run walks the tree and calls emit for every batch, in order, from the
// goroutine that called Run. It returns the first error of Prepare, Work, emit
// or ctx, or of opening the root; errors below the root are in the batches.
func (w *Walk) Run(ctx context.Context, emit func(*Batch) error) error {
	rules, err := w.compile()
	if err != nil {
		return err
	}
	root, err := w.openRoot(rules)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	waiting := int(min(lookahead, openFiles()/8))
	l := &lister{
		walk: w, rules: rules, ctx: ctx, device: root.Dev, deepest: openFiles() / handlesPerLevel,
		todo: make(chan *Batch, waiting), order: make(chan *Batch, waiting),
		spare: make(chan *Batch, waiting),
	}
	var running sync.WaitGroup
	running.Go(func() {
		defer close(l.order)
		defer close(l.todo)
		if err := l.folder(root, nil); err != nil {
			cancel(err)
		}
	})
	for i := range w.WorkerCount() {
		running.Go(func() {
			for b := range l.todo {
				b.err = l.work(i, b)
				b.Folder.release()
				l.pending.Done()
				if b.err != nil {
					cancel(b.err)
				}
				close(b.done)
			}
		})
	}
	for b := range l.order {
		<-b.done
		if ctx.Err() == nil {
			if err := emit(b); err != nil {
				cancel(err)
			}
		}
		select {
		case l.spare <- b:
		default:
		}
	}
	running.Wait()
	return context.Cause(ctx)
}

// openRoot opens the root and puts the rules in force there.
func (w *Walk) openRoot(rules *matcher) (*Folder, error) {
	open := func() (*Dir, error) { return OpenRoot(w.Root) }
	if w.Dir != nil {
		open = func() (*Dir, error) { return w.Dir.Open(".") } // listing moves the position of a handle
	}
	dir, err := open()
	if err != nil {
		return nil, err
	}
	root := &Folder{Dir: dir, frame: rules.ordered}
	if root.Entry, err = dir.Stat(); err != nil {
		dir.Close()
		return nil, fmt.Errorf("%s: %w", w.Root, err)
	}
	root.Path, root.path = ".", "."
	return root, nil
}

// lister is the stage that finds the batches.
type lister struct {
	walk    *Walk
	rules   *matcher
	ctx     context.Context
	device  uint64
	deepest uint64      // how many levels of the tree are entered
	todo    chan *Batch // batches for the workers
	order   chan *Batch // the same batches for emit, in order
	spare   chan *Batch // batches that were emitted, to be used again
	list    []dirent    // the names in the folder that is being listed
	path    []byte      // the path of the folder that is being listed; empty for the root

	pending sync.WaitGroup // counts the batches that no worker has finished
}

// batch returns an empty batch of a folder.
func (l *lister) batch(f *Folder) (b *Batch) {
	select {
	case b = <-l.spare:
		*b = Batch{Folder: f, Path: f.path, Names: b.Names[:0], Entries: b.Entries[:0], Data: b.Data, Source: f.path}
	default:
		b = &Batch{Folder: f, Path: f.path, Source: f.path}
	}
	if f.apart {
		b.Path = l.spelled()
	}
	return b
}

// folder hands out the batches of f and of all folders below it, and releases f. failed
// are errors of folders before f, which are reported in the first batch of f.
func (l *lister) folder(f *Folder, failed []error) error {
	f.hold()
	defer f.release()
	f.path = l.spelledInSource(f)
	b := l.batch(f)
	b.First, b.Errors = true, failed
	list, marked := l.enter(f, b)
	b.Skipped, b.Folders = len(f.list)-len(list), countDirs(f.list)-countDirs(list)
	if marked != nil && l.walk.NamesLeft {
		for _, d := range f.list {
			if !slices.Contains(list, d) {
				b.left(d.name, d.kind == manifest.Dir, marked.Text)
			}
		}
	}
	list, err := l.rename(f, b.Path, list)
	if err != nil {
		return err
	}
	var folders []string
	for _, d := range list {
		isDir := d.kind == manifest.Dir
		if skip, by := l.rules.decide(f, f.inSource(d.name), isDir); skip {
			b.Skipped++
			if isDir {
				b.Folders++
			}
			if l.walk.NamesLeft {
				b.left(d.name, isDir, by.Text)
			}
			continue
		}
		if isDir {
			folders = append(folders, d.name)
			continue
		}
		if b.Names = append(b.Names, d.name); len(b.Names) == batchSize {
			if err := l.hand(b); err != nil {
				return err
			}
			b = l.batch(f)
		}
	}
	f.list = nil // its memory is used for the next folder
	b.Last = true
	if err := l.hand(b); err != nil {
		return err
	}
	f.path = "" // else each level would keep a whole path in memory
	failed = nil
	length := len(l.path)
	defer func() { l.path = l.path[:length] }()
	for _, name := range folders {
		if l.path = l.path[:length]; length > 0 {
			l.path = append(l.path, '/')
		}
		l.path = append(l.path, name...)
		sub, err := l.open(f, name, len(l.path))
		if (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) && err != errTooDeep {
			return pathError("open", string(l.path), err) // it says nothing about this folder
		}
		if err != nil {
			failed = append(failed, pathError("open", string(l.path), err))
			continue
		}
		switch {
		case l.excluded(sub):
			sub.Dir.Close()
			continue
		case l.isMountPoint(sub):
			err = l.mountPoint(sub, failed)
		default:
			err = l.folder(sub, failed)
		}
		if err != nil {
			return err
		}
		failed = nil
	}
	if failed != nil {
		l.path = l.path[:length]
		b = l.batch(f)
		b.Path, b.Source, b.Errors = l.spelled(), l.spelledInSource(f), failed
		return l.hand(b)
	}
	return nil
}

// spelled returns the path of the folder that is being listed.
func (l *lister) spelled() string {
	if len(l.path) == 0 {
		return "."
	}
	return string(l.path)
}

// join returns the path of the entry called name in the folder of the batch.
func (b *Batch) join(name string) string { return join(b.Path, name) }

// left notes that the entry called name in the folder of the batch was left out.
func (b *Batch) left(name string, isDir bool, by string) {
	path := b.join(name)
	if isDir {
		path += "/"
	}
	b.Left = append(b.Left, Left{path, by})
}

// enter lists f and reads its ignore files. It returns the names to decide on: all of
// f.list or, if f is marked, only the marks, with the rule that names them.
func (l *lister) enter(f *Folder, b *Batch) (list []dirent, marked *Rule) {
	list, err := f.Dir.list(l.list[:0])
	if err != nil {
		// The names that could be read are used, and the error is reported.
		b.Errors = append(b.Errors, pathError("readdir", f.path, err))
	}
	l.list = list
	f.list = inOrder(list)
	if marks, by := l.marks(f); by != nil {
		return marks, by
	}
	l.obey(f, b)
	return f.list, nil
}

func (l *lister) excluded(f *Folder) bool { return slices.ContainsFunc(l.walk.Exclude, f.ID().Is) }

func (l *lister) isMountPoint(f *Folder) bool { return l.walk.OneFileSystem && f.Dev != l.device }

func countDirs(list []dirent) (n int) {
	for _, d := range list {
		if d.kind == manifest.Dir {
			n++
		}
	}
	return n
}

// inOrder sorts the list and removes names that occur twice: a file that is renamed while
// a directory is read may be listed again, see readdir(3).
func inOrder(list []dirent) []dirent {
	slices.SortFunc(list, func(a, b dirent) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(list, func(a, b dirent) bool { return a.name == b.name })
}

// mountPoint hands out f as if it was empty, and releases f.
func (l *lister) mountPoint(f *Folder, failed []error) error {
	f.hold()
	defer f.release()
	f.path = l.spelledInSource(f)
	b := l.batch(f)
	b.First, b.Last, b.Errors = true, true, failed
	return l.hand(b)
}

// errTooDeep is the error of a folder that needs more open files than there may be.
var errTooDeep = fmt.Errorf("lies too deep: %w", syscall.EMFILE)

// open opens the directory called name in f. length is the length of its path.
func (l *lister) open(f *Folder, name string, length int) (*Folder, error) {
	if length > manifest.MaxPath {
		return nil, syscall.ENAMETOOLONG
	}
	if uint64(f.depth) >= l.deepest {
		return nil, errTooDeep
	}
	own := f.inSource(name)
	dir, err := f.Dir.Open(own)
	if errors.Is(err, syscall.EMFILE) {
		l.pending.Wait() // batches under way hold handles too
		dir, err = f.Dir.Open(own)
	}
	if err != nil {
		return nil, err
	}
	sub := &Folder{Parent: f, Dir: dir, frame: f.frame, depth: f.depth + 1}
	if sub.Entry, err = dir.Stat(); err != nil {
		dir.Close()
		return nil, err
	}
	sub.Path, sub.apart = name, f.apart
	if own != name {
		sub.SourceName, sub.apart = own, true
	}
	return sub, nil
}

// hand hands out a batch to the other stages.
func (l *lister) hand(b *Batch) error {
	if l.walk.Prepare != nil {
		if err := l.walk.Prepare(b); err != nil {
			return err
		}
	}
	b.done = make(chan struct{})
	b.Folder.hold()
	select {
	case l.order <- b:
		l.pending.Add(1)
		l.todo <- b
		return nil
	case <-l.ctx.Done():
		b.Folder.release()
		return context.Cause(l.ctx)
	}
}

// work looks at the entries of b, and calls Work.
func (l *lister) work(worker int, b *Batch) error {
	if err := context.Cause(l.ctx); err != nil {
		return err
	}
	b.Entries = slices.Grow(b.Entries, len(b.Names))
	for i, name := range b.Names {
		n := len(b.Entries)
		b.Entries = b.Entries[:n+1]
		if wanted, err := l.look(worker, b, &b.Entries[n], name); err != nil {
			return err
		} else if !wanted {
			b.Entries = b.Entries[:n]
			continue
		}
		b.Entries[n].At = i
	}
	if l.walk.Work == nil {
		return nil
	}
	return l.walk.Work(l.ctx, worker, b)
}

// look fills in e with the entry called name in the folder of the batch, and reports
// whether it exists and is wanted.
func (l *lister) look(worker int, b *Batch, e *Entry, name string) (wanted bool, err error) {
	own := b.Folder.inSource(name)
	if err = b.Folder.Dir.lstat(own, e); err == nil && e.Kind == manifest.Dir {
		err = errBecameDir
	}
	if len(b.Path)+1+len(name) > manifest.MaxPath {
		err = syscall.ENAMETOOLONG
	}
	if err != nil {
		b.Errors = append(b.Errors, pathError("lstat", b.join(name), err))
		return false, nil
	}
	e.Path = join(b.Source, own)
	unwanted, err := l.walk.unwanted(worker, e)
	if own != name || b.Source != b.Path {
		e.Path = b.join(name)
	}
	if own != name {
		e.SourceName = own
	}
	if err != nil || unwanted == "" {
		return err == nil, err
	}
	b.Skipped++
	if l.walk.NamesLeft {
		b.left(name, false, string(unwanted))
	}
	return false, nil
}

var (
	// ErrKind says that an entry is of a kind that a manifest cannot hold.
	ErrKind = errors.New("neither file, directory, symlink, fifo, socket nor device")
	// errBecameDir says that an entry was replaced by a directory during the walk.
	errBecameDir = errors.New("became a directory during the walk")
)

func pathError(op, path string, err error) error {
	return &fs.PathError{Op: op, Path: path, Err: err}
}
