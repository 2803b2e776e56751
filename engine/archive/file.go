package archive

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"

	"phlb/engine/manifest"
	"phlb/engine/repository"
	"phlb/engine/store"
)

// Content is a regular file of a snapshot that is open for reading, whole or in
// parts. It is held against its digest where it is read from its beginning to its end,
// and the last bytes are not handed out if it differs.
type Content struct {
	Entry *manifest.Entry
	From  string // NAME/STAMP/PATH of another that has the same content, "" where it is its own

	file *os.File
	at   int64     // next to be read
	sum  hash.Hash // of what was read up to there; nil once a part was left out
}

// errOther says that what lies there is not what the manifest says.
var errOther = errors.New("is another file than was stored")

// Open opens a regular file of a snapshot, of which e is the entry: of another
// snapshot where this one's is not what was stored. The caller closes it.
func Open(ctx context.Context, repo *repository.Repository, s *repository.Snapshot, e *manifest.Entry) (*Content, error) {
	root, err := repo.OpenRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	r := &reader{ctx: ctx, repo: repo, root: root, ref: s.Ref()}
	defer r.close()
	if e.Kind != manifest.File || e.Absent {
		return nil, fmt.Errorf("open %s:%s: the snapshot has no content of it", s.Ref(), e.Path)
	}
	content, err := r.open(e)
	if err != nil {
		return nil, fmt.Errorf("open %s:%s: %w", s.Ref(), e.Path, err)
	}
	return content, nil
}

// openIn opens the file if it is what was stored, as far as a look tells.
func openIn(dir *store.Dir, e *manifest.Entry) (*Content, error) {
	name := path.Base(e.Path)
	i, err := dir.Look(name)
	if err == nil && !i.Holds(e) {
		err = errOther
	}
	if err != nil {
		return nil, err
	}
	file, err := dir.Read(name)
	if err != nil {
		return nil, err
	}
	kept := *e
	return &Content{Entry: &kept, file: file, sum: e.Digest.Algorithm().New()}, nil
}

// elsewhere opens another file of the root that has the content.
func (r *reader) elsewhere(e *manifest.Entry) (*Content, error) {
	cat, err := r.repo.OpenToRead(r.ctx, r.root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	versions, err := cat.Holders(r.ctx, e.Digest)
	if err != nil {
		return nil, err
	}
	tried := 0
	for _, v := range versions {
		for _, s := range v.Snapshots {
			if tried++; tried > repository.CandidatesAsked {
				break
			}
			ref := store.Ref{Name: s.Name, Stamp: s.Stamp}
			content, err := openAt(r.root, ref, v.Entry)
			if err == nil {
				kept := *e
				content.Entry, content.From = &kept, ref.String()+"/"+v.Entry.Path
				return content, nil
			}
		}
	}
	return nil, fmt.Errorf("%s %w", e.Path, ErrRotten)
}

// openAt opens a file of a snapshot, and reads it once: it stands for one that was
// found damaged, and may be no better.
func openAt(root *store.Root, ref store.Ref, e *manifest.Entry) (*Content, error) {
	tree, err := root.OpenSnapshot(ref)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	dir, err := tree.Descend(path.Dir(e.Path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	content, err := openIn(dir, e)
	if err != nil {
		return nil, err
	}
	if _, err = io.Copy(io.Discard, content); err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	if err != nil {
		content.Close()
		return nil, err
	}
	return content, nil
}

// Close releases the file.
func (c *Content) Close() error { return c.file.Close() }

// Read reads from the position of the file. The error is [ErrRotten] where the whole
// was read and is not what was stored, or ends too early.
func (c *Content) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	if c.sum != nil {
		c.sum.Write(p[:n])
	}
	c.at += int64(n)
	switch {
	case err == io.EOF && c.at < c.Entry.Size, c.at > c.Entry.Size:
		return 0, fmt.Errorf("%s %w", c.Entry.Path, ErrRotten)
	case c.sum != nil && c.at == c.Entry.Size && manifest.SumOf(c.Entry.Digest.Algorithm(), c.sum) != c.Entry.Digest:
		return 0, fmt.Errorf("%s %w", c.Entry.Path, ErrRotten)
	}
	return n, err
}

// Seek implements [io.Seeker].
func (c *Content) Seek(offset int64, whence int) (int64, error) {
	at, err := c.file.Seek(offset, whence)
	if err != nil {
		return at, err
	}
	switch {
	case at == 0:
		c.sum = c.Entry.Digest.Algorithm().New()
	case at != c.at:
		c.sum = nil
	}
	c.at = at
	return at, nil
}
