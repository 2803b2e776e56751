// Package verify compares a snapshot with its manifest, and replaces damaged files by
// good copies: [Run] does both.
//
// The package cannot find damage that is older than the digest in the manifest.
package verify

import (
	"context"
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

// isForeign reports whether a file that is not in the manifest was made by the tool that
// made the snapshot, for itself.
func (v *verification) isForeign(f *walk.Folder, found *walk.Entry) bool {
	folder, _ := f.Data.(*foreign.Folder)
	own, _ := folder.Owns(found.Name())
	return own
}

// Check says how thorough a verification is.
type Check struct {
	Fast   bool    // read no content
	Sample float64 // share of the contents to read, from 0 to 1
	Heal   bool    // replace what is damaged by good copies of the same content
	Round  *Round  // the round of checks that this one belongs to; nil for a check of its own
}

// verification is a verification under way.
type verification struct {
	*repository.Repository
	Check
	logsPaths bool        // whether every path is logged
	record    catalog.Run // this verification, for the record of runs
	root      *store.Root
	report    *repository.Report
	foreign   foreign.Tool   // the tool that made the snapshot; "" for phlb
	stale     bool           // whether the catalog differs from the manifest
	closed    parent.Closed  // the paths of the tree that could not be read
	manifest  *parent.Cursor // over the manifest, in step with the walk
	workers   []*content.Worker
	number    int // of the check, in its round

	mu      sync.Mutex
	sharing []sharedPath
	damaged []damaged
	twins   []catalog.Damage // what findTwins has found

	// The rest is for healing alone.
	leftovers []string                 // paths that a heal that was cut off has left in the snapshot
	lock      *store.Lock              // the seal lock; nil while it is not held
	changed   map[folder]manifest.Time // the folders in which names were changed, with the times that they had before
	badInodes map[walk.ID]store.Inode  // inodes whose content is not what it should be
}

// damaged is an entry of the manifest that the snapshot does not hold as it should.
type damaged struct {
	entry manifest.Entry
	what  string // as in [repository.Problem]
}

// Run compares a snapshot with its manifest, and the manifest with the catalog. It
// checks existence, kind, size and time of every file, and reads the content unless c
// says otherwise: each inode once in a round, and from the disk, where the system can be asked not
// to use its cache. Where the root can be written to, the catalog is told of damaged
// content, so that no later run links to it, and of the verification. A dry run tells
// the catalog nothing and heals nothing. A snapshot that is only planned is reported
// to be good.
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
		Repository: repo, logsPaths: repo.Log.Enabled(ctx, slog.LevelDebug), Check: c, record: history, root: root, report: &repository.Report{Snapshot: s}, foreign: foreign.Of(s.Tags),
		closed: parent.Closed{}, changed: map[folder]manifest.Time{}, badInodes: map[walk.ID]store.Inode{},
	}
	if v.Round == nil {
		v.Round = &Round{}
	}
	v.number = v.Round.begin(uint64(history.Started.UnixNano()))
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
		v.damaged = nil // the manifest does not tell what is right
		err = nil
	}
	switch {
	case repo.Env.DryRun:
	case err == nil:
		err = v.finish(ctx, cat)
	case len(v.damaged) > 0: // what was found before the error counts all the same
		err = errors.Join(err, v.recordAfterFailure(ctx, cat))
	}
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", s.Ref(), err)
	}
	v.report.Sort()
	return v.report, nil
}

// compare compares the manifest with the catalog.
func (v *verification) compare(ctx context.Context, cat *catalog.Catalog) error {
	return parent.ReadManifest(v.root, v.report.Snapshot.Ref(), func(r *manifest.Reader, entries iter.Seq2[*manifest.Entry, error]) error {
		id, err := repository.NumberOf(ctx, cat, v.report.Snapshot.Ref())
		if err != nil {
			return err
		}
		if id == 0 { // the tree is gone, or the manifest is broken
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

// walk compares the tree with the manifest.
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
		v.workers = append(v.workers, content.NewWorker(v.manifest.Header.Hash))
	}
	err = w.Run(ctx, func(b *walk.Batch) error {
		v.closed.Note(b)
		for _, err := range b.Errors {
			if content.TooManyFiles(err) {
				return err
			}
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
	v.dropUnread()
	v.spread()
	return nil
}

// dropUnread takes back reports of missing entries that lie in directories that could
// not be opened.
func (v *verification) dropUnread() {
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

// gone reports an entry of the manifest that the tree does not have.
func (v *verification) gone(e *manifest.Entry) error {
	if !e.Absent {
		v.damage(e, repository.Missing, e.Kind.String())
	}
	return nil
}

// damage reports a damaged entry, and notes it for healing.
func (v *verification) damage(e *manifest.Entry, what, detail string) {
	v.report.Add(e.Path, what, "%s", detail)
	v.Progress.Errors.Add(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.damaged = append(v.damaged, damaged{*e, what})
}

// prepare finds what the manifest holds of a batch. It is called in the order of the
// walk, which is that of the manifest.
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
		if b.Folder.Parent == nil || b.Folder.Parent.Data != repository.Extra { // else the folder around it was reported
			v.report.Add(b.Path, repository.Extra, "directory")
		}
	}
	return nil
}

// work checks the entries of a batch. It is called from several goroutines.
func (v *verification) work(ctx context.Context, worker int, b *walk.Batch) error {
	a := b.Data.(*parent.Batch)
	if folder := a.Folder.Entry(); folder != nil && folder.Absent {
		v.report.Add(b.Path, repository.Extra, "%s", absentDetail)
	} else if folder != nil {
		v.metadata(folder, &b.Folder.Entry)
	}
	for i := range b.Entries {
		found := &b.Entries[i]
		want := a.At(found).Entry()
		switch {
		case want == nil && v.Heal && !v.Env.DryRun && found.Kind != manifest.Dir && store.IsTemp(found.Name()):
			v.noteLeftover(found.Path)
		case want == nil && b.Folder.Data == repository.Extra:
		case want == nil && found.Kind == manifest.File && v.isForeign(b.Folder, found):
		case want == nil:
			v.report.Add(found.Path, repository.Extra, "%v", found.Kind)
		case want.Absent:
			v.report.Add(found.Path, repository.Extra, "%s", absentDetail)
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

// absentDetail is the detail of a problem: a path lies in the snapshot that the manifest
// records as absent.
const absentDetail = "the manifest says that the root could not hold it"

// metadata checks what can be checked without reading content.
func (v *verification) metadata(want *manifest.Entry, found *walk.Entry) {
	v.logPath("looked at", want.Path)
	if want.Target != found.Target {
		v.damage(want, repository.Target, fmt.Sprintf("leads to %q, did to %q", found.Target, want.Target))
	}
	if m := want.InSnapshot().Mtime; m != found.Mtime && !v.isTimeOfRoot(want, found.Mtime) {
		v.damage(want, repository.Mtime, fmt.Sprintf("is %v, was %v", found.Mtime.Time(), m.Time()))
	}
}

// isTimeOfRoot reports whether e is a folder whose time the file system of the root has
// set, since it does not keep the times of folders. The backup has noted that in the
// manifest when it made the folder. Or the time is one of the backup itself, in whole
// seconds: some file systems change the time of a folder when the folder around it is
// renamed.
func (v *verification) isTimeOfRoot(e *manifest.Entry, found manifest.Time) bool {
	if e.Kind != manifest.Dir {
		return false
	}
	s := v.report.Snapshot
	const rename = 2 * time.Second // more than the second that is cut off
	const sealing = 24 * time.Hour // until a slow disk has all: the time is that of the rename after
	return e.Stored != nil && !e.Stored.Mtime.Near(e.Mtime) ||
		found.Nsec == 0 && !found.Before(manifest.TimeOf(s.Started.Add(-rename))) && found.Before(manifest.TimeOf(s.Finished.Add(sealing)))
}

// file checks the size and the content of a file.
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
	if !v.mustRead(found, want) {
		v.Progress.Bytes.Add(want.Size)
		return nil
	}
	v.logPath("read", want.Path)
	f, err := b.Folder.Dir.File(found.Name())
	if content.TooManyFiles(err) {
		return &fs.PathError{Op: "open", Path: found.Path, Err: err}
	}
	if err != nil {
		v.forget(found)
		v.unreadable(&fs.PathError{Op: "open", Path: found.Path, Err: err})
		return nil
	}
	defer f.Close()
	f.Uncache()
	own, _ := b.Folder.Data.(*foreign.Folder)
	stated := own.Digest(found.Name())
	w.Use(want.Digest.Algorithm())
	n, read, err := w.ReadDigests(ctx, f, found, stated.Algorithm, &v.Progress.Bytes)
	var source *content.SourceError
	if errors.As(err, &source) {
		v.flawed(found, want, flaw{repository.Unreadable, source.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	v.report.Count(func(r *repository.Report) { r.Read++; r.Bytes += n })
	how := read.Differs(stated)
	if read.Own != want.Digest {
		how = fmt.Sprintf("%v is %v, was %v", want.Digest.Algorithm(), read.Own, want.Digest)
	}
	if how != "" {
		v.flawed(found, want, flaw{repository.Content, how})
	}
	return nil
}

// sampled reports whether a content is drawn to be read. All files of one content are in
// the sample or none is, and every verification draws anew.
func (v *verification) sampled(d manifest.Digest) bool {
	if v.Sample >= 1 {
		return true
	}
	return rand.New(rand.NewPCG(v.Round.seed, d.Prefix())).Float64() < v.Sample
}
