package backup

import (
	"context"
	"fmt"
	"path"
	"sync"

	"phlb/engine/catalog"
	"phlb/engine/foreign"
	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// adoption is an adoption under way: of trees that lie under the root without a
// manifest, one after the other.
type adoption struct {
	*repository.Repository
	history catalog.Run // what the record of runs will hold of it
	hash    manifest.Algorithm
	root    *store.Root
	report  *repository.Report

	// digests are the digests of the inodes that were read so far. Trees that share
	// inodes, since somebody has linked them by hand, are so read once.
	digests sync.Map       // from a known.Version to *content.Digests
	reading [64]sync.Mutex // held while an inode is read, by the inode's number
}

// Adopt makes the catalog agree with the root. Snapshots that the catalog does not know
// are absorbed from their manifests, and a tree at ROOT/NAME/FOLDER without a manifest
// becomes a snapshot: it is read, its manifest is written, and files of known content
// become links, as far as their metadata agree. With a path, only the trees that lie
// there are adopted.
//
// Snapshots of pyhardlinkbackup are known by the files that it leaves in them. These
// are left out of the manifest, and the other files are compared with the digests in
// them. A file that differs is reported, and the snapshot is not complete.
//
// A dry run reads as much as the real one, to tell which files would become links.
func Adopt(ctx context.Context, repo *repository.Repository, path string) (_ *repository.Report, err error) {
	hash, err := repo.Algorithm()
	if err != nil {
		return nil, err
	}
	history := catalog.Run{Verb: "add", Started: repo.Env.Now()}
	defer func() { repo.NoteFailed(ctx, history, err) }()
	root, err := repo.ExistingRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if !repo.Env.DryRun {
		root.Draw()
	}
	defer repo.Progress.Begin("add")()
	a := &adoption{Repository: repo, history: history, hash: hash, root: root, report: &repository.Report{}}
	var within store.Ref
	if path != "" {
		if within, err = repository.RefOf(root.Path, path); err != nil {
			return nil, fmt.Errorf("add: %w", err)
		}
	}
	var trees []store.Ref
	if err = a.fromManifests(ctx, within); err == nil {
		trees, err = a.trees(within)
	}
	if err != nil {
		return nil, fmt.Errorf("add: %w", err)
	}
	for _, ref := range trees {
		s, err := a.tree(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("add %s: %w", ref, err)
		}
		if s != nil {
			a.report.Added = append(a.report.Added, repository.NewSnapshot(root, *s))
		}
	}
	a.report.Sort()
	return a.report, nil
}

// fromManifests has the catalog absorb the manifests that it does not know, and reports
// those within that cannot be read.
func (a *adoption) fromManifests(ctx context.Context, within store.Ref) error {
	cat, c, err := a.OpenCaughtUp(ctx, a.root)
	if err != nil {
		return err
	}
	defer cat.Close()
	a.report.Removed = c.Removed
	for _, broken := range c.Broken {
		if (within.Name == "" || within.Name == broken.Ref.Name) && (within.Stamp == "" || within.Stamp == broken.Ref.Stamp) {
			if !broken.Damaged() {
				a.report.Add(broken.Ref.String(), repository.Unreadable, "%v", broken)
			} else {
				a.report.Add(broken.Ref.String(), repository.Manifest, "%v: move it away and run phlb add again", broken.Err)
			}
		}
	}
	if len(c.Added) == 0 && c.Removed == 0 {
		return nil
	}
	all, err := cat.Snapshots(ctx)
	if err != nil {
		return err
	}
	var taken []catalog.Run
	for _, ref := range c.Added {
		for _, s := range all {
			if s.Name == ref.Name && s.Stamp == ref.Stamp {
				a.report.Added = append(a.report.Added, repository.NewSnapshot(a.root, s))
				run := a.Ended(a.history, catalog.OK)
				run.Name, run.Stamp, run.Snapshot = s.Name, s.Stamp, s.ID
				taken = append(taken, run)
			}
		}
	}
	if a.Env.DryRun {
		return nil
	}
	cat.NoteRun(taken...)
	return a.Publish(ctx, a.root, cat, repository.Noting(taken...))
}

// trees returns the trees without a manifest: the one that within names, all of the
// name in within, or with a zero ref all.
func (a *adoption) trees(within store.Ref) ([]store.Ref, error) {
	names, err := a.root.Names()
	if err != nil {
		return nil, err
	}
	stamp := within.Stamp
	if within.Name != "" {
		names = []string{within.Name}
	} else if linked, err := a.root.Linked(); err != nil {
		return nil, err
	} else { // names that are symbolic links are not followed
		for _, name := range linked {
			a.report.Add(name, repository.Stray, "%v", a.root.CheckFolder(name))
		}
	}
	var found []store.Ref
	for _, name := range names {
		refs, err := a.root.Adoptable(name)
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			if (stamp == "" || ref.Stamp == stamp) && a.root.Planned[ref] == "" {
				found = append(found, ref)
			}
		}
		if stamp == "" {
			if err := a.strays(name); err != nil {
				return nil, err
			}
		}
	}
	if stamp != "" && len(found) == 0 {
		ref := store.Ref{Name: names[0], Stamp: stamp}
		if !a.root.HasManifest(ref) {
			return nil, fmt.Errorf("%s cannot be a snapshot by that name: rename it, or back up to end a run that was cut off", ref)
		}
	}
	return found, nil
}

// strays reports files that lie in the folder of a name beside snapshots, where the name
// has no sealed snapshot yet: somebody has put a tree there that belongs into a folder
// of its own.
func (a *adoption) strays(name string) error {
	sealed, err := a.root.Sealed(name)
	if len(sealed) > 0 || err != nil {
		return err
	}
	strays, err := a.root.Strays(name)
	if len(strays) > 0 {
		a.report.Add(name, repository.Stray, "in no snapshot: %s; move all that belongs together into a folder of its own there, such as %s",
			repository.SomeOf(strays), path.Join(name, a.Stamp(a.Env.Now())))
	}
	return err
}

// tree makes a snapshot of one tree. It returns nil where somebody is still writing to
// the tree.
func (a *adoption) tree(ctx context.Context, ref store.Ref) (_ *catalog.Snapshot, err error) {
	r := &run{
		Repository: a.Repository, record: a.history, match: a.Config.Match, hash: a.hash,
		root: a.root, source: a.root.SnapshotPath(ref),
	}
	r.record.Name = ref.Name
	tree := &adoptedTree{run: r, adoption: a, ref: ref, tool: foreign.Recognise(a.root, ref)}
	r.tree, r.onUnread = tree, tree.unread
	if err := tree.begin(ctx); err != nil {
		return nil, err
	}
	defer r.release()
	r.record.Started = a.Env.Now()
	r.sourceDir = walk.Of(&r.partial.Tree.Dir)
	cat, err := a.OpenCatalog(ctx, a.root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	header := manifest.Header{
		Name: ref.Name, Stamp: ref.Stamp, Source: r.source, Host: a.Env.Host, Boot: a.Env.Boot, Match: string(r.match), Hash: r.hash,
	}
	if tree.tool != "" {
		header.Tags = []string{string(tree.tool)}
	}
	if header.Started, err = tree.started(); err != nil {
		return nil, err
	}
	failed, how := tree.tool.Outcome(a.root, ref)
	tree.cutOff = failed > 0
	if err := r.prepare(ctx, cat, header, false); err != nil {
		return nil, err
	}
	defer r.close()
	a.Progress.Phase("add " + ref.String())
	if err := r.walk(ctx, walk.Rules{Where: tree.sweep}); err != nil {
		r.output.writer.Abort()
		return nil, r.explainRoot(err)
	}
	if tree.changing {
		r.output.writer.Abort()
		a.report.Add(ref.String(), repository.Unreadable, "%v: run phlb add again when that is over", errChanging)
		return nil, nil
	}
	if failed > 0 {
		r.log.Warn("the snapshot is not complete", "tool", tree.tool, "reason", how)
		a.report.Add(ref.String(), repository.Incomplete, "%s", how)
		r.output.summary.Errors += failed
	}
	s, err := r.seal(ctx, cat, header)
	if err != nil {
		return nil, r.explainRoot(err)
	}
	return s, nil
}
