// Package walk reads a source tree in the order in which manifests are
// written: directory by directory, see [manifest.Compare].
//
// Most callers fill in a [Walk] and call [Walk.Run]. A tree is worked on in
// batches of entries that lie in one directory. Three stages run at the same
// time: a single lister opens directories and hands out batches in order,
// several workers look at the entries of a batch each, and the caller's own
// goroutine takes the finished batches, in order again.
//
// Every look-up is relative to the handle of a directory that was opened
// without following symbolic links, so a link that is swapped in meanwhile
// cannot lead outside the tree. The package does not promise a consistent
// picture: what changes during the walk is seen before or after the change, and
// what vanishes is reported in [Batch.Errors].
//
// Paths may be longer than the system allows in a call. A handle is held for
// every level of the directory at hand, and for at most a few hundred batches
// under way; directories too deep for the process's limit of open files are
// reported in [Batch.Errors] too.
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

// Entry is what a walk sees of a path. Digest, Xattrs, Group and the fields
// about the snapshot are left for others to fill in.
type Entry struct {
	manifest.Entry
	Dev    uint64 // of the file system it lies on
	Nlink  uint64
	Blocks int64 // of 512 bytes
	Atime  manifest.Time
	Remote bool // the content lies on a server alone, and is fetched when it is read
	At     int  // in the batch's Names
}

// Sparse reports whether the file takes less room than its size.
func (e *Entry) Sparse() bool { return e.Blocks*512 < e.Size }

// ID tells files apart: no two that exist at a time have the same one.
type ID struct{ Dev, Inode uint64 }

// Known reports whether the file system has numbers for its files: without them,
// no two are known to be the same.
func (id ID) Known() bool { return id.Inode != 0 }

// Is reports whether both are known to be those of one file.
func (id ID) Is(other ID) bool { return id.Known() && id == other }

// ID returns that of e.
func (e *Entry) ID() ID { return ID{e.Dev, e.Inode} }

// Folder is a directory of the source that is being walked. In place of its path
// it holds its name, "." for the root: folders in one another would spell out the
// same names over and over. See [Batch.Path].
type Folder struct {
	Entry
	Parent *Folder // nil for the root
	Dir    *Dir    // open as long as one of its batches is under way
	Data   any     // the caller's own

	frame *frame   // the nearest rules, nil if there are none
	list  []dirent // in order, while they are decided on
	path  string   // for as long as they are
	depth int      // 0 for the root

	holders atomic.Int32 // of Dir: the lister, and each batch under way
}

func (f *Folder) hold() { f.holders.Add(1) }

func (f *Folder) release() {
	if f.holders.Add(-1) == 0 {
		f.Dir.Close()
	}
}

// Spell returns the path of the folder, put together from the names that lead
// there.
func (f *Folder) Spell() string {
	if f.Parent == nil {
		return "."
	}
	names := make([]string, f.depth)
	for at := f; at.Parent != nil; at = at.Parent {
		names[at.depth-1] = at.Path
	}
	return strings.Join(names, "/")
}

// join returns the path of what is called name in f.
func (f *Folder) join(name string) string { return join(f.path, name) }

func join(folder, name string) string {
	if folder == "." {
		return name
	}
	return folder + "/" + name
}

// Batch is a run of entries in one directory, directories left out. One that is
// neither First nor Last and has no Names may follow what lies below the
// folder, to report directories in it that could not be opened. It is valid
// until the function that it was emitted to returns; then another one takes its
// memory.
type Batch struct {
	Folder  *Folder
	Path    string   // of the folder, relative to the root; "." for that
	First   bool     // the folder's first: its own entry is to be taken now
	Last    bool     // the folder's last with entries
	Names   []string // what the lister saw, sorted
	Entries []Entry  // of Names, in order, as far as they exist and are wanted
	Errors  []error  // each a *fs.PathError whose path is relative to the root
	Skipped int      // how many the rules left out
	Folders int      // how many of these are directories
	Left    []Left   // these, where the walk is to name them
	Data    any      // the caller's own; at first that of an earlier batch

	// Warnings are about ignore files that are not obeyed, or not in full: the
	// walk takes more than is wanted, and misses nothing. As Errors otherwise.
	Warnings []error

	done chan struct{}
	err  error
}

// Left is an entry that the rules left out.
type Left struct {
	Path string // relative to the root; that of a directory ends in a slash
	By   string // the text of the rule, or a [Reason]
}

// Walk says what to read and whom to call. Only Root or Dir is needed.
type Walk struct {
	Root string // the source directory
	Dir  *Dir   // the same, where it is open already; the caller closes it
	Rules
	Workers   int  // how many work at a time; 0 for a fitting number
	NamesLeft bool // batches name what the rules left out

	// Prepare is called by the lister for every batch, in order and before
	// the batch is worked on; Names is filled in. An error ends the walk.
	Prepare func(*Batch) error
	// Work is called for every batch once its Entries are filled in, from
	// several goroutines; worker tells them apart. An error ends the walk.
	Work func(ctx context.Context, worker int, b *Batch) error
}

const (
	// batchSize keeps a large directory from being one worker's alone.
	batchSize = 32
	// lookahead is how many batches may wait for one that takes long. It
	// bounds memory and open directories, of which callers open more beside
	// ours: an eighth of the files that may be open is enough.
	lookahead = 64
	// handlesPerLevel is how many handles a caller may hold for every level, ours
	// included: a backup has the folder of the source, its own, that of the snapshot
	// before and that of a run that was cut off. A tree that is too deep for them
	// would end the run, and not only lack what lies deepest.
	handlesPerLevel = 5
	// defaultWorkers is more than there are cores on a small machine: system
	// calls on a busy file system wait.
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

// openRoot opens the root, where the rules are in force.
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
	walk   *Walk
	rules  *matcher
	ctx    context.Context
	device uint64
	// deepest is how many levels are entered.
	deepest uint64
	todo    chan *Batch // to the workers
	order   chan *Batch // the same, to the emitter
	spare   chan *Batch // that were emitted
	list    []dirent    // of the folder at hand
	path    []byte      // of the same, empty for the root

	pending sync.WaitGroup // the batches in todo and at work
}

// batch returns an empty one.
func (l *lister) batch(f *Folder) *Batch {
	select {
	case b := <-l.spare:
		*b = Batch{Folder: f, Path: f.path, Names: b.Names[:0], Entries: b.Entries[:0], Data: b.Data}
		return b
	default:
		return &Batch{Folder: f, Path: f.path}
	}
}

// folder hands out the batches of f and of all below it, and releases f. What
// went wrong with siblings before it is reported in its first batch.
func (l *lister) folder(f *Folder, failed []error) error {
	f.hold()
	defer f.release()
	f.path = l.spelled()
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
	var folders []string
	for _, d := range list {
		isDir := d.kind == manifest.Dir
		if skip, by := l.rules.decide(f, d.name, isDir); skip {
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
	f.list = nil // the next folder takes the room
	b.Last = true
	if err := l.hand(b); err != nil {
		return err
	}
	f.path = "" // else every level would hold the names of all those above
	failed = nil
	length := len(l.path)
	defer func() { l.path = l.path[:length] }()
	for _, name := range folders {
		if l.path = l.path[:length]; length > 0 {
			l.path = append(l.path, '/')
		}
		l.path = append(l.path, name...)
		sub, err := l.open(f, name, len(l.path))
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
		b.Path, b.Errors = l.spelled(), failed
		return l.hand(b)
	}
	return nil
}

// spelled returns the path of the folder at hand.
func (l *lister) spelled() string {
	if len(l.path) == 0 {
		return "."
	}
	return string(l.path)
}

// join returns the path of what is called name in the batch's folder.
func (b *Batch) join(name string) string { return join(b.Path, name) }

// left notes what is called name in the batch's folder.
func (b *Batch) left(name string, isDir bool, by string) {
	path := b.join(name)
	if isDir {
		path += "/"
	}
	b.Left = append(b.Left, Left{path, by})
}

// enter lists f and reads the rules that stand in it. It returns what is to be
// decided on, which is not all of f.list if f is marked: then also by what.
func (l *lister) enter(f *Folder, b *Batch) (list []dirent, marked *Rule) {
	list, err := f.Dir.list(l.list[:0])
	if err != nil {
		// The names that were read are as good as any; the rest is reported.
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

// inOrder sorts the list and takes every name once: what is renamed while a
// directory is read may come up twice, see readdir(3).
func inOrder(list []dirent) []dirent {
	slices.SortFunc(list, func(a, b dirent) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(list, func(a, b dirent) bool { return a.name == b.name })
}

// mountPoint hands out f as if it held nothing, and releases it.
func (l *lister) mountPoint(f *Folder, failed []error) error {
	f.hold()
	defer f.release()
	f.path = l.spelled()
	b := l.batch(f)
	b.First, b.Last, b.Errors = true, true, failed
	return l.hand(b)
}

// open opens the directory called name in f, whose path has that length.
func (l *lister) open(f *Folder, name string, length int) (*Folder, error) {
	if length > manifest.MaxPath {
		return nil, syscall.ENAMETOOLONG
	}
	if uint64(f.depth) >= l.deepest {
		return nil, syscall.EMFILE
	}
	dir, err := f.Dir.Open(name)
	if errors.Is(err, syscall.EMFILE) {
		l.pending.Wait() // they hold handles too
		dir, err = f.Dir.Open(name)
	}
	if err != nil {
		return nil, err
	}
	sub := &Folder{Parent: f, Dir: dir, frame: f.frame, depth: f.depth + 1}
	if sub.Entry, err = dir.Stat(); err != nil {
		dir.Close()
		return nil, err
	}
	sub.Path = name
	return sub, nil
}

// hand gives a batch to the other stages.
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

// work looks at the entries of b and hands them to the caller.
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

// look fills in e with what is called name in the batch's folder, and reports
// whether it is there and wanted.
func (l *lister) look(worker int, b *Batch, e *Entry, name string) (wanted bool, err error) {
	if *e, err = b.Folder.Dir.Lstat(name); err == nil && e.Kind == manifest.Dir {
		err = errBecameDir
	}
	if len(b.Path)+1+len(name) > manifest.MaxPath {
		err = syscall.ENAMETOOLONG
	}
	if err != nil {
		b.Errors = append(b.Errors, pathError("lstat", b.join(name), err))
		return false, nil
	}
	e.Path = b.join(name)
	unwanted, err := l.walk.unwanted(worker, e)
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
	// ErrKind is the error of an entry of a kind that no manifest can hold.
	ErrKind = errors.New("neither file, directory, symlink, fifo, socket nor device")
	// errBecameDir is that of a directory that was something else a moment ago.
	errBecameDir = errors.New("became a directory during the walk")
)

func pathError(op, path string, err error) error {
	return &fs.PathError{Op: op, Path: path, Err: err}
}
