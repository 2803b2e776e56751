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
// become links, as far as their metadata agree. With where, the path of
// a name or of a tree, only the trees that lie there are adopted.
//
// Snapshots of pyhardlinkbackup are known by the files that it leaves in them. These
// are left out of the manifest, and the other files are compared with the digests in
// them. A file that differs is reported, and the snapshot is not complete.
//
// A dry run reads as much as the real one, to tell which files would become links.
func Adopt(ctx context.Context, repo *repository.Repository, where string) (_ *repository.Report, err error) {
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
	if where != "" {
		if within, err = repo.RefOf(where); err != nil {
			return nil, fmt.Errorf("add: %w", err)
		}
	}
	if err := a.fromManifests(ctx, within); err != nil {
		return nil, fmt.Errorf("add: %w", err)
	}
	found, err := foreign.Find(root, within)
	if err != nil {
		return nil, fmt.Errorf("add: %w", err)
	}
	for _, name := range found.Linked {
		a.report.Add(name, repository.Stray, "%v", root.CheckFolder(name))
	}
	for name, strays := range found.Strays {
		a.report.Add(name, repository.Stray, "in no snapshot: %s; move all that belongs together into a folder of its own there, such as %s",
			repository.SomeOf(strays), path.Join(name, repo.Stamp(repo.Env.Now())))
	}
	for _, ref := range found.Refs {
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
