// Package verify holds a snapshot against its manifest, and replaces what is
// damaged by good copies: [Run] does both.
//
// What it cannot see is damage that came before the file was hashed for the first
// time.
package verify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/content"
	"phlb/engine/foreign"
	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// isForeign reports whether a file that the manifest does not have is one of
// the tool that the snapshot is from.
func (v *verification) isForeign(f *walk.Folder, found *walk.Entry) bool {
	folder, _ := f.Data.(*foreign.Folder)
	own, _ := folder.Owns(found.Name())
	return own
}

// Check says how thorough a verification is.
type Check struct {
	Fast   bool    // read no content
	Sample float64 // share of the files to read, from 0 to 1
	Heal   bool    // replace what is damaged by good copies of the same content
}

// verification is one under way.
type verification struct {
	*repository.Repository
	naming bool // somebody wants to hear of every path
	Check
	history  catalog.Run // what the catalog is told of it
	root     *store.Root
	report   *repository.Report
	foreign  foreign.Tool // the tool that the snapshot is from
	stale    bool         // the catalog does not agree with the manifest
	closed   parent.Closed
	manifest *parent.Cursor
	workers  []*content.Worker
	seed     uint64 // of the sample

	mu      sync.Mutex
	seen    map[walk.ID]uint64 // inodes that have been read, by the digest's prefix
	rotten  map[walk.ID]string // of these, those that are damaged, and how
	shared  []sharedPath
	damaged []damaged

	// Of a heal alone.
	leftovers []string                 // paths of what an earlier one that was cut off has left
	lock      *store.Lock              // nil unless it is held, see hold
	changed   map[folder]manifest.Time // the folders in which names were changed, and the times that they had before
	bad       map[walk.ID]store.Inode  // those that did not have the content that they should have
}

// damaged is a path under which the snapshot does not hold what it should.
type damaged struct {
	entry manifest.Entry
	what  string
}

// sharedPath is a path whose inode was read under another one.
type sharedPath struct {
	id    walk.ID
	entry manifest.Entry
}

// Run holds a snapshot against its manifest, and the manifest against the
// catalog. Of every file it looks at existence, kind, size and time, and reads
// the content back unless c says otherwise: from the disk, not from the
// system's cache where that can be asked for, and each inode once. Damaged
// content is noted in the catalog, so that no later run links to it, and so is
// that the snapshot was verified, where the root can be written to. A dry run
// neither notes nor heals, and takes a snapshot that is only planned for good.
func Run(ctx context.Context, repo *repository.Repository, s *repository.Snapshot, c Check) (_ *repository.Report, err error) {
	if !(c.Sample >= 0 && c.Sample <= 1) { // nor is it NaN
		return nil, fmt.Errorf("verify: sample is %v, want a share from 0 to 1", c.Sample)
	}
	if repo.Planned(s) {
		return &repository.Report{Snapshot: s, Files: s.Files}, nil
	}
	history := catalog.Run{Verb: "verify", Name: s.Name, Stamp: s.Stamp}
	defer func() { repo.NoteFailed(ctx, history, err) }()
	if c.Heal {
		if err := repo.MayWrite(); err != nil {
			return nil, err
		}
	}
	root, err := repo.OpenRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	cat, err := repo.OpenCatalog(ctx, root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	defer repo.Progress.Begin("verify " + s.Ref().String())()
	repo.Progress.TotalFiles.Store(s.Files)
	if !c.Fast {
		repo.Progress.TotalBytes.Store(int64(float64(s.Bytes) * c.Sample))
	}
	history.Started = repo.Env.Now()
	v := &verification{
		Repository: repo, naming: repo.Log.Enabled(ctx, slog.LevelDebug), Check: c, history: history, root: root, report: &repository.Report{Snapshot: s}, foreign: foreign.Of(s.Tags), seed: uint64(history.Started.UnixNano()),
		closed: parent.Closed{}, seen: map[walk.ID]uint64{}, rotten: map[walk.ID]string{}, changed: map[folder]manifest.Time{}, bad: map[walk.ID]store.Inode{},
	}
	err = v.compare(ctx, cat)
	if err == nil {
		err = v.walk(ctx)
	}
	var broken *parent.ManifestError
	if errors.As(err, &broken) && (broken.Damaged() || errors.Is(broken, fs.ErrNotExist)) {
		how := "move it away and run phlb add"
		if !broken.Damaged() {
			how = "run phlb add"
		}
		v.report.Add(".", repository.Manifest, "%v; %s, which makes a new one of what is there", broken.Err, how)
		v.Heal = false
		v.damaged = nil // there is no telling what it should be
		err = nil
	}
	switch {
	case repo.Env.DryRun:
	case err == nil:
		err = v.settle(ctx, cat)
	case len(v.damaged) > 0: // what was found before counts all the same
		err = errors.Join(err, v.noteAll(ctx, cat))
	}
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", s.Ref(), err)
	}
	v.report.Sort()
	return v.report, nil
}

// compare holds the manifest against the catalog.
func (v *verification) compare(ctx context.Context, cat *catalog.Catalog) error {
	return parent.ReadManifest(v.root, v.report.Snapshot.Ref(), func(r *manifest.Reader, entries iter.Seq2[*manifest.Entry, error]) error {
		id, err := repository.NumberOf(ctx, cat, v.report.Snapshot.Ref())
		if err != nil {
			return err
		}
		if id == 0 { // the tree is gone, or the manifest is what is wrong
			for _, err := range entries {
				if err != nil {
					return err
				}
			}
			return repository.ErrNoSnapshot
		}
		found, err := cat.Compare(ctx, id, entries)
		for _, d := range found {
			v.report.Add(d.Path, repository.Catalog, "%s", difference(d))
		}
		v.stale = len(found) > 0
		return err
	})
}

func difference(d catalog.Difference) string {
	switch {
	case d.Catalog == nil:
		return "only the manifest has it"
	case d.Manifest == nil:
		return "only the catalog has it"
	case d.Manifest.Digest != d.Catalog.Digest:
		return fmt.Sprintf("the manifest says %v, the catalog %v", d.Manifest.Digest, d.Catalog.Digest)
	case d.Manifest.Size != d.Catalog.Size:
		return fmt.Sprintf("the manifest says %s, the catalog %d", repository.Bytes(d.Manifest.Size), d.Catalog.Size)
	}
	return "manifest and catalog differ in the metadata"
}

// walk holds the tree against the manifest.
func (v *verification) walk(ctx context.Context) error {
	ref := v.report.Snapshot.Ref()
	var err error
	if v.manifest, err = parent.Open(v.root, ref, 0, v.gone); err != nil {
		return err
	}
	defer v.manifest.Close()
	tree, err := v.root.OpenSnapshot(ref)
	if err != nil {
		return err
	}
	defer tree.Close()
	w := &walk.Walk{Dir: walk.Of(&tree.Dir), Prepare: v.prepare, Work: v.work}
	for range w.WorkerCount() {
		v.workers = append(v.workers, content.NewWorker())
	}
	err = w.Run(ctx, func(b *walk.Batch) error {
		v.closed.Note(b)
		for _, err := range b.Errors {
			v.unreadable(err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := errors.Join(v.manifest.Rest(), v.manifest.Failed()); err != nil {
		return err
	}
	v.keepUnseen()
	for _, s := range v.shared {
		if how, ok := v.rotten[s.id]; ok {
			v.damage(&s.entry, repository.Content, how)
		}
	}
	return nil
}

// keepUnseen takes back that entries are missing which lie in directories that
// could not be opened.
func (v *verification) keepUnseen() {
	if len(v.closed) == 0 {
		return
	}
	unseen := func(what, at string) bool { return what == repository.Missing && v.closed.Hide(at) }
	v.report.Problems = slices.DeleteFunc(v.report.Problems, func(p repository.Problem) bool { return unseen(p.What, p.Path) })
	v.damaged = slices.DeleteFunc(v.damaged, func(d damaged) bool { return unseen(d.what, d.entry.Path) })
}

func (v *verification) unreadable(err error) {
	var at *fs.PathError
	if errors.As(err, &at) {
		v.report.Add(at.Path, repository.Unreadable, "%v", at.Err)
		return
	}
	v.report.Add(".", repository.Unreadable, "%v", err)
}

// gone takes entries of the manifest that the tree does not have.
func (v *verification) gone(e *manifest.Entry) error {
	if !e.Absent {
		v.damage(e, repository.Missing, e.Kind.String())
	}
	return nil
}

// damage reports what is wrong with an entry.
func (v *verification) damage(e *manifest.Entry, what, detail string) {
	v.report.Add(e.Path, what, "%s", detail)
	v.Progress.Errors.Add(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.damaged = append(v.damaged, damaged{*e, what})
}

// prepare is called in the order of the walk, which is that of the manifest.
func (v *verification) prepare(b *walk.Batch) error {
	a, err := v.manifest.Follow(b)
	if err != nil {
		return err
	}
	switch {
	case !b.First:
	case a.Folder.Chunk != nil:
		b.Folder.Data = v.foreign.In(b.Folder)
	default:
		b.Folder.Data = repository.Extra
		if b.Folder.Parent == nil || b.Folder.Parent.Data != repository.Extra { // else it is said already
			v.report.Add(b.Path, repository.Extra, "directory")
		}
	}
	return nil
}

func (v *verification) work(ctx context.Context, worker int, b *walk.Batch) error {
	a := b.Data.(*parent.Batch)
	if folder := a.Folder.Entry(); folder != nil && folder.Absent {
		v.report.Add(b.Path, repository.Extra, "%s", saidAbsent)
	} else if folder != nil {
		v.metadata(folder, &b.Folder.Entry)
	}
	for i := range b.Entries {
		found := &b.Entries[i]
		want := a.At(found).Entry()
		switch {
		case want == nil && v.Heal && !v.Env.DryRun && found.Kind != manifest.Dir && store.IsTemp(found.Name()):
			v.leave(found.Path)
		case want == nil && b.Folder.Data == repository.Extra:
		case want == nil && found.Kind == manifest.File && v.isForeign(b.Folder, found):
		case want == nil:
			v.report.Add(found.Path, repository.Extra, "%v", found.Kind)
		case want.Absent:
			v.report.Add(found.Path, repository.Extra, "%s", saidAbsent)
		case want.Kind != found.Kind:
			v.damage(want, repository.Kind, fmt.Sprintf("is a %v, was a %v", found.Kind, want.Kind))
		default:
			v.metadata(want, found)
			if want.Kind == manifest.File {
				if err := v.file(ctx, v.workers[worker], b, want, found); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// saidAbsent is the detail of what lies where nothing should.
const saidAbsent = "the manifest says that the root could not hold it"

// metadata looks at what needs no reading.
func (v *verification) metadata(want *manifest.Entry, found *walk.Entry) {
	v.name("looked at", want.Path)
	if want.Target != found.Target {
		v.damage(want, repository.Target, fmt.Sprintf("leads to %q, did to %q", found.Target, want.Target))
	}
	if m := want.InSnapshot().Mtime; m != found.Mtime && !v.isRootsTime(want, found.Mtime) {
		v.damage(want, repository.Mtime, fmt.Sprintf("is %v, was %v", found.Mtime.Time(), m.Time()))
	}
}

// isRootsTime reports whether e is a folder that has another time because its file
// system keeps none: that of the last change in it. Either the run has seen that when
// it made the folder, or it is a time of that run itself, in whole seconds: some file
// systems change folders when what they lie in is renamed.
func (v *verification) isRootsTime(e *manifest.Entry, found manifest.Time) bool {
	if e.Kind != manifest.Dir {
		return false
	}
	s := v.report.Snapshot
	const rename = 2 * time.Second // and more than the second that is cut off
	return e.Stored != nil && !e.Stored.Mtime.Near(e.Mtime) ||
		found.Nsec == 0 && !found.Before(manifest.TimeOf(s.Started.Add(-rename))) && found.Before(manifest.TimeOf(s.Finished.Add(rename)))
}

// file looks at size and content.
func (v *verification) file(ctx context.Context, w *content.Worker, b *walk.Batch, want *manifest.Entry, found *walk.Entry) error {
	v.Progress.Files.Add(1)
	v.report.Count(func(r *repository.Report) { r.Files++ })
	if want.Size != found.Size {
		v.damage(want, repository.Size, fmt.Sprintf("is %s long, was %d", repository.Bytes(found.Size), want.Size))
		return nil
	}
	if v.Fast || !v.sampled(want.Digest) {
		return nil
	}
	if !v.first(found.ID(), want) {
		v.Progress.Bytes.Add(want.Size)
		return nil
	}
	v.name("read", want.Path)
	f, err := b.Folder.Dir.File(found.Name())
	if err != nil {
		v.unreadable(&fs.PathError{Op: "open", Path: found.Path, Err: err})
		return nil
	}
	defer f.Close()
	f.Uncache()
	own, _ := b.Folder.Data.(*foreign.Folder)
	stated := own.Digest(found.Name())
	n, read, err := w.ReadDigests(ctx, f, found, stated.Algorithm, &v.Progress.Bytes)
	var source *content.SourceError
	if errors.As(err, &source) {
		v.damage(want, repository.Unreadable, source.Error())
		return nil
	}
	if err != nil {
		return err
	}
	v.report.Count(func(r *repository.Report) { r.Read++; r.Bytes += n })
	how := read.Differs(stated)
	if read.SHA256 != want.Digest {
		how = fmt.Sprintf("sha256 is %v, was %v", read.SHA256, want.Digest)
	}
	if how != "" {
		v.damage(want, repository.Content, how)
		v.mu.Lock()
		v.rotten[found.ID()] = how
		v.mu.Unlock()
	}
	return nil
}

// first reports whether the inode has to be read. Where that was done under
// another path, what comes of it holds for this one too.
func (v *verification) first(id walk.ID, want *manifest.Entry) bool {
	prefix := binary.BigEndian.Uint64(want.Digest[:])
	v.mu.Lock()
	defer v.mu.Unlock()
	if of, ok := v.seen[id]; ok && of == prefix && id.Known() {
		v.shared = append(v.shared, sharedPath{id, *want})
		return false
	}
	v.seen[id] = prefix
	return true
}

// sampled draws the files to read: by content, so that all names of one are in
// or out together, and others with every run.
func (v *verification) sampled(d manifest.Digest) bool {
	if v.Sample >= 1 {
		return true
	}
	return rand.New(rand.NewPCG(v.seed, binary.BigEndian.Uint64(d[:]))).Float64() < v.Sample
}
