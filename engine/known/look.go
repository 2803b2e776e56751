package known

import (
	"cmp"
	"context"
	"os"
	"path"
	"sync"

	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// looks is what the looks at files of snapshots have found in a run.
type looks struct {
	digests sync.Map // from a look to the function that hashes once
	changed sync.Map // the inodes and paths that NoteChanged has warned of
}

// look is a version of an inode that is hashed by one or two algorithms.
type look struct {
	Version
	by, also manifest.Algorithm
}

// Version is an inode with one content: the number of an inode that was replaced by
// a link may be given to another file at once. The change time is left out, for it
// moves with every link.
type Version struct {
	ID    walk.ID
	Size  int64
	Mtime manifest.Time
}

// IDOf returns by what an inode under the root is told from others.
func IDOf(inode store.Inode) walk.ID { return walk.ID{Dev: inode.Dev, Inode: inode.Ino} }

// VersionOf returns the version of an inode that a look has found.
func VersionOf(inode store.Inode) Version { return Version{IDOf(inode), inode.Size, inode.Mtime} }

// Open opens the folder of a candidate for an entry, which the caller closes, and
// looks at the file there. The folder is nil where the file is not there, or is not
// what its manifest says, which is warned of. The file is read where a look is not enough to tell: it
// belongs to somebody who may write to it and set its times back, another host wrote
// the manifest, or a file of that content was found rotten.
func (k *Contents) Open(ctx context.Context, worker *content.Worker, c *Candidate, e *manifest.Entry) (*store.Dir, store.Inode, error) {
	folder, file := c.open()
	if folder == nil {
		return nil, file, nil
	}
	if file.Kind != e.Kind || file.Size != c.Size || file.Mtime != c.Stored.Mtime {
		k.NoteChanged(file, c.In, cmp.Or(c.Name, c.Path))
		folder.Close()
		return nil, file, nil
	}
	doubted := !c.Own && (c.Stranger || !isOurs(file))
	if (doubted || k.IsDamaged(e.Digest)) && !k.Holds(ctx, worker, folder, path.Base(c.Path), file, e.Digest) {
		folder.Close()
		if err := context.Cause(ctx); err != nil {
			return nil, file, err
		}
		if !k.IsDamaged(e.Digest) { // else some file of this content is known to be rotten
			k.NoteChanged(file, c.In, cmp.Or(c.Name, c.Path))
		}
		return nil, file, nil
	}
	return folder, file, nil
}

// open opens the folder of the file, and looks at the file. Where there is none any
// more, the folder is nil.
func (c *Candidate) open() (folder *store.Dir, file store.Inode) {
	tree, err := c.Tree()
	if err != nil {
		return nil, file
	}
	defer tree.Close()
	if folder, err = tree.Descend(path.Dir(c.Path)); err != nil {
		return nil, file
	}
	if file, err = folder.Look(path.Base(c.Path)); err != nil {
		folder.Close()
		return nil, file
	}
	return folder, file
}

// isOurs reports whether nobody but root and the user who runs can have written the
// file since it was stored: the owner of a file may write to it and set its times
// back.
func isOurs(file store.Inode) bool {
	return file.UID == 0 || int64(file.UID) == int64(os.Geteuid())
}

// Holds reads the file that is called name in dir, and reports whether its content
// has that digest. A version of an inode is read once in a run, whatever its names.
func (k *Contents) Holds(ctx context.Context, worker *content.Worker, dir *store.Dir, name string, file store.Inode, d manifest.Digest) bool {
	found, err := k.read(ctx, worker, dir, name, file, d.Algorithm(), d.Algorithm())
	return err == nil && found.Own == d
}

// Convert is Holds, and returns the digest by another algorithm of the content that was
// found to have the digest d.
func (k *Contents) Convert(ctx context.Context, worker *content.Worker, dir *store.Dir, name string, file store.Inode, d manifest.Digest, to manifest.Algorithm) (manifest.Digest, bool) {
	found, err := k.read(ctx, worker, dir, name, file, d.Algorithm(), to)
	if err != nil || found.Own != d {
		return manifest.Digest{}, false
	}
	return manifest.DigestOf(found.By(to.String()))
}

func (k *Contents) read(ctx context.Context, worker *content.Worker, dir *store.Dir, name string, file store.Inode, by, also manifest.Algorithm) (content.Digests, error) {
	read := sync.OnceValues(func() (content.Digests, error) { return worker.StoredDigests(ctx, dir, name, by, also) })
	if v := VersionOf(file); v.ID.Known() {
		of, _ := k.looks.digests.LoadOrStore(look{v, by, also}, read)
		read = of.(func() (content.Digests, error))
	}
	return read()
}

// NoteChanged warns of a file that is not what was stored, once for each inode. The
// file lies in a snapshot or, where that is zero, in what a run that was cut off has
// left.
func (k *Contents) NoteChanged(file store.Inode, in store.Ref, name string) {
	at := name
	if in != (store.Ref{}) {
		at = path.Join(in.String(), name)
	}
	var what any = IDOf(file)
	if file.Ino == 0 { // it is gone
		what = at
	}
	if _, said := k.looks.changed.LoadOrStore(what, true); !said {
		k.Log.Warn("file was changed inside a snapshot, it is not linked to", "path", at)
	}
}
