package mod

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"phlb/engine/config"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"golang.org/x/mod/module"
)

// files are those of a module: what they hold, by their names.
type files map[string][]byte

// A Hash stands for all names and bytes of a module: "sha256:" and hexadecimal
// digits.
type Hash string

// digits returns the hexadecimal digits, "" if there are none.
func (h Hash) digits() string {
	digits, ok := strings.CutPrefix(string(h), "sha256:")
	if raw, err := hex.DecodeString(digits); !ok || err != nil || len(raw) != sha256.Size || strings.ToLower(digits) != digits {
		return ""
	}
	return digits
}

// A listing is what sha256sum says of the files of a module.
type listing map[string][sha256.Size]byte

func (f files) listing() listing {
	l := make(listing, len(f))
	for name, data := range f {
		l[name] = sha256.Sum256(data)
	}
	return l
}

// text returns the listing in the order of names.
func (l listing) text() []byte {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(l)) {
		sum := l[name]
		b = hex.AppendEncode(b, sum[:])
		b = append(b, "  "+name+"\n"...)
	}
	return b
}

func (l listing) hash() Hash { return hashOf(l.text()) }

func hashOf(text []byte) Hash {
	sum := sha256.Sum256(text)
	return Hash("sha256:" + hex.EncodeToString(sum[:]))
}

// parseListing reads a listing that is to have a hash. What does not have it is
// not looked into.
func parseListing(text []byte, want Hash) (listing, error) {
	if got := hashOf(text); got != want {
		return nil, fmt.Errorf("it is the listing of %s, and %s pins %s", got, LockName, want)
	}
	l := make(listing)
	for line := range strings.Lines(string(text)) {
		digits, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		raw, err := hex.DecodeString(digits)
		if !ok || err != nil || len(raw) != sha256.Size {
			return nil, errors.New("it is no listing of sha256sum")
		}
		l[name] = [sha256.Size]byte(raw)
	}
	return l, nil
}

// gathered are files on their way into a module.
type gathered struct {
	files files
	links map[string]string // targets by name
	seen  map[string]entry  // by the name without its case
	count int
	bytes int64
}

type entry struct {
	name   string
	folder bool
}

func gather() *gathered {
	return &gathered{files: files{}, links: map[string]string{}, seen: map[string]entry{}}
}

// left reports whether a name is none of a module's files.
func left(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return first == VendorName || slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return strings.EqualFold(part, ".git") })
}

// check returns what is against a file of that name and size, before it is read.
func (g *gathered) check(name string, size int64) error {
	if len(name) > maxPath {
		return fmt.Errorf("%.40q…: a name of %d bytes is too long, %d are possible", name, len(name), maxPath)
	}
	if err := module.CheckFilePath(name); err != nil {
		return err
	}
	for at, folder := name, false; at != "."; at, folder = path.Dir(at), true {
		key := fold(at)
		before, ok := g.seen[key]
		switch {
		case !ok:
			g.seen[key] = entry{at, folder}
		case before.name != at:
			return fmt.Errorf("%s and %s differ in case only, and are one file on other systems", before.name, at)
		case !before.folder || !folder:
			return fmt.Errorf("%s is there twice", at)
		}
	}
	if g.count++; g.count > maxFiles {
		return fmt.Errorf("it has more than %s files, which no module may have", humanize.Comma(maxFiles))
	}
	if g.bytes += max(size, 0); g.bytes > maxBytes {
		return fmt.Errorf("its files are larger than %s together, which no module may be", humanize.IBytes(maxBytes))
	}
	return nil
}

// fold makes names equal that differ in case only.
func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// finish puts what links lead to in their place, and returns all files.
func (g *gathered) finish() (files, error) {
	resolved := files{}
	for name, target := range g.links {
		at := name
		for range 8 {
			if path.IsAbs(target) || strings.Contains(target, `\`) {
				return nil, fmt.Errorf("the symbolic link %s leads out of the module, to %q", name, target)
			}
			if at = path.Join(path.Dir(at), target); !fs.ValidPath(at) {
				return nil, fmt.Errorf("the symbolic link %s leads out of the module, to %q", name, target)
			}
			next, again := g.links[at]
			if !again {
				break
			}
			target = next
		}
		data, ok := g.files[at]
		switch {
		case ok:
		case g.seen[fold(at)].folder:
			return nil, fmt.Errorf("the symbolic link %s leads to a folder: in a module, link to files", name)
		default:
			return nil, fmt.Errorf("the symbolic link %s leads to %q, which is no file of the module", name, target)
		}
		if g.bytes += int64(len(data)); g.bytes > maxBytes {
			return nil, fmt.Errorf("its files are larger than %s together, which no module may be", humanize.IBytes(maxBytes))
		}
		resolved[name] = data
	}
	maps.Copy(g.files, resolved)
	for _, name := range slices.Sorted(maps.Keys(g.files)) {
		if bytes.HasPrefix(g.files[name], []byte("version https://git-lfs.github.com/spec/")) {
			return nil, fmt.Errorf("%s is a pointer to a file that Git LFS keeps elsewhere, which is not fetched: commit the file itself", name)
		}
	}
	if len(g.files) == 0 {
		return nil, errors.New("there are no files in it")
	}
	return g.files, nil
}

// readFolder reads a module that lies in a folder.
func readFolder(dir string) (files, error) {
	g := gather()
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, at)
		if err != nil || rel == "." {
			return err
		}
		name := filepath.ToSlash(rel)
		switch {
		case left(name) && d.IsDir():
			return fs.SkipDir
		case left(name) || d.IsDir():
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(at)
			if err == nil {
				err = g.check(name, 0)
			}
			g.links[name] = filepath.ToSlash(target)
			return err
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is no regular file", name)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if err := g.check(name, info.Size()); err != nil {
			return err
		}
		data, err := config.ReadRegular(at, info.Size())
		g.files[name] = data
		return err
	})
	if err != nil {
		return nil, err
	}
	return g.finish()
}
