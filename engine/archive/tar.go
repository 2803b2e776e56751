package archive

import (
	"archive/tar"
	"fmt"
	"io"

	"phlb/engine/manifest"
)

// tarArchive writes the interchange format of pax(1).
type tarArchive struct {
	to     *tar.Writer
	groups map[int64]string // names of the first of each hardlink group
}

func newTar(to io.Writer) *tarArchive { return &tarArchive{tar.NewWriter(to), map[int64]string{}} }

var tarTypes = map[manifest.Kind]byte{
	manifest.File: tar.TypeReg, manifest.Dir: tar.TypeDir, manifest.Symlink: tar.TypeSymlink, manifest.Fifo: tar.TypeFifo,
	manifest.BlockDevice: tar.TypeBlock, manifest.CharDevice: tar.TypeChar,
}

// xattrRecord is what GNU tar, bsdtar and star call an attribute.
const xattrRecord = "SCHILY.xattr."

func (a *tarArchive) add(name string, e *manifest.Entry, content io.Reader) error {
	kind, ok := tarTypes[e.Kind]
	if !ok { // there is no socket in an archive
		return nil
	}
	h := &tar.Header{
		Format: tar.FormatPAX, Typeflag: kind, Name: name, Linkname: e.Target, Mode: int64(e.Mode),
		Uid: int(e.UID), Gid: int(e.GID), ModTime: e.Mtime.Time(), Devmajor: int64(e.Major), Devminor: int64(e.Minor),
	}
	for _, x := range e.Xattrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[xattrRecord+x.Name] = x.Value
	}
	switch e.Kind {
	case manifest.Dir:
		h.Name += "/"
	case manifest.File:
		h.Size = e.Size
		if first, known := a.groups[e.Group]; known && e.Group != 0 {
			h.Typeflag, h.Linkname, h.Size, h.PAXRecords, content = tar.TypeLink, first, 0, nil, nil
		} else {
			a.groups[e.Group] = name
		}
	}
	if err := a.to.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", e.Path, err)
	}
	if content == nil {
		return nil
	}
	if _, err := io.Copy(a.to, content); err != nil {
		return fmt.Errorf("%s: %w", e.Path, err)
	}
	return nil
}

func (a *tarArchive) close() error { return a.to.Close() }
