package archive

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/klauspost/compress/flate"

	"phlb/engine/manifest"
)

// zipArchive writes what people on any system can open. Owners, attributes and
// hardlinks have no place in it, and times are to the second.
type zipArchive struct{ to *zip.Writer }

func newZip(to io.Writer) *zipArchive {
	z := zip.NewWriter(to)
	z.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) })
	return &zipArchive{z}
}

func (a *zipArchive) add(name string, e *manifest.Entry, content io.Reader) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: e.Mtime.Time()}
	mode := fs.FileMode(e.Mode & 0o777)
	switch e.Kind {
	case manifest.File:
	case manifest.Dir:
		mode |= fs.ModeDir
		h.Name, h.Method = h.Name+"/", zip.Store
	case manifest.Symlink:
		mode |= fs.ModeSymlink
		content = strings.NewReader(e.Target)
	default:
		return nil
	}
	h.SetMode(mode)
	to, err := a.to.CreateHeader(h)
	if err == nil && content != nil {
		_, err = io.Copy(to, content)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.Path, err)
	}
	return nil
}

func (a *zipArchive) close() error { return a.to.Close() }
