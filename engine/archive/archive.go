// Package archive hands out what a snapshot holds to programs that know nothing of
// snapshots: [Open] a file of one, or [Write] a folder or a part of it as an
// archive.
//
// Metadata come from the manifest, and not from the inode, which others may share.
// Content is held against its digest while it is read to the end: what is not what
// was stored is taken from another snapshot that holds the same, where that can be
// told before the first byte, and else ends with an error. Nothing follows a
// symbolic link.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"phlb/engine/manifest"
	"phlb/engine/parent"
	"phlb/engine/repository"
	"phlb/engine/store"
)

// Selection is what of a snapshot is meant.
type Selection struct {
	Folder string   // path of a directory, "." for the whole snapshot
	Names  []string // of entries in it, which stand at the top of the archive; without any, it stands there itself
}

// Format is the kind of an archive.
type Format string

// The formats of archives.
const (
	Tar Format = "tar" // all that a manifest has, in the format of pax(1)
	Zip Format = "zip" // files, directories and symbolic links, with modes and times
)

var (
	// ErrFormat says that no archive is called so.
	ErrFormat = errors.New("is no format of an archive: tar or zip")
	// ErrNotHeld says that a snapshot does not hold what is to be handed out.
	ErrNotHeld = errors.New("holds no such path")
	// ErrRotten says that a file is not what was stored, and no other is.
	ErrRotten = errors.New("is not what was stored: run phlb verify, which says more, and with --heal repairs what it can")
)

// format takes entries one by one.
type format interface {
	// add writes an entry under its name in the archive. Of a file, content is open.
	add(name string, e *manifest.Entry, content io.Reader) error
	close() error
}

var (
	_ format = (*tarArchive)(nil)
	_ format = (*zipArchive)(nil)
)

// Write writes an archive. What an archive cannot hold, or the root does not have, is
// logged and left out. After an error the archive is not whole, and ends in its
// middle.
func Write(ctx context.Context, repo *repository.Repository, s *repository.Snapshot, what Selection, kind Format, to io.Writer) error {
	err := write(ctx, repo, s, what, kind, to)
	if err != nil {
		return fmt.Errorf("archive of %s: %w", s.Ref(), err)
	}
	return nil
}

func write(ctx context.Context, repo *repository.Repository, s *repository.Snapshot, what Selection, kind Format, to io.Writer) error {
	var a format
	switch kind {
	case Tar:
		a = newTar(to)
	case Zip:
		a = newZip(to)
	default:
		return fmt.Errorf("%q %w", kind, ErrFormat)
	}
	root, err := repo.OpenRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	r := &reader{ctx: ctx, repo: repo, root: root, ref: s.Ref()}
	defer r.close()
	found := 0
	err = parent.ReadManifest(root, s.Ref(), func(_ *manifest.Reader, entries iter.Seq2[*manifest.Entry, error]) error {
		begun := false
		for e, err := range entries {
			if err == nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return err
			}
			if !lies(e.Path, what.Folder) {
				if begun {
					return nil // a folder with all that it holds lies together
				}
				continue
			}
			begun = true
			name, meant := what.name(s, e.Path)
			if !meant {
				continue
			}
			found++
			if err := r.add(a, name, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && found == 0 {
		err = fmt.Errorf("%w: %q", ErrNotHeld, what.Folder)
	}
	if err != nil {
		return err
	}
	return a.close()
}

// lies reports whether a path is that of a folder, or lies in it.
func lies(p, folder string) bool {
	rest, ok := strings.CutPrefix(p, folder)
	return folder == "." || ok && (rest == "" || rest[0] == '/')
}

// name returns what a path is called in the archive, and whether it is meant.
func (s *Selection) name(of *repository.Snapshot, p string) (string, bool) {
	inside := p
	if s.Folder != "." {
		inside = strings.TrimPrefix(strings.TrimPrefix(p, s.Folder), "/")
	}
	if len(s.Names) > 0 {
		first, _, _ := strings.Cut(inside, "/")
		return inside, inside != "" && p != "." && slices.Contains(s.Names, first)
	}
	top := path.Base(s.Folder)
	if s.Folder == "." {
		top = of.Name + "-" + of.Stamp
	}
	if p == s.Folder {
		return top, true
	}
	return top + "/" + inside, true
}

// reader opens the files of a snapshot, in the order of its manifest.
type reader struct {
	ctx  context.Context
	repo *repository.Repository
	root *store.Root
	ref  store.Ref

	folder string // that is open
	dir    *store.Dir
}

func (r *reader) close() {
	if r.dir != nil {
		r.dir.Close()
	}
	r.dir = nil
}

func (r *reader) add(a format, name string, e *manifest.Entry) error {
	if e.Kind != manifest.File {
		return a.add(name, e, nil)
	}
	if e.Absent {
		r.repo.Log.Warn("left out of an archive, since the snapshot does not have its content", "path", e.Path)
		return nil
	}
	content, err := r.open(e)
	if err != nil {
		return err
	}
	defer content.Close()
	return a.add(name, e, content)
}

// open opens a file of the snapshot, or one that has the same content.
func (r *reader) open(e *manifest.Entry) (*Content, error) {
	if folder := path.Dir(e.Path); r.dir == nil || folder != r.folder {
		r.close()
		tree, err := r.root.OpenSnapshot(r.ref)
		if err != nil {
			return nil, err
		}
		defer tree.Close()
		dir, err := tree.Descend(folder)
		if err == nil {
			r.dir, r.folder = dir, folder
		} else if errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
	}
	if r.dir != nil {
		content, err := openIn(r.dir, e)
		if err == nil || errors.Is(err, fs.ErrPermission) {
			return content, err
		}
		r.repo.Log.Warn("a file of a snapshot is not what was stored, and another with the same content is looked for",
			"snapshot", r.ref.String(), "path", e.Path, "error", err)
	}
	return r.elsewhere(e)
}
