//go:build !linux

package store

import (
	"slices"

	"github.com/pkg/xattr"

	"phlb/engine/manifest"
)

// RemoveDir removes the directory called name, which must be empty.
func (d *Dir) RemoveDir(name string) error { return d.root.Remove(d.at(name)) }

// Entry returns what a manifest would say of what is called name, but its path,
// what tells of content and change, and the numbers of a device.
func (d *Dir) Entry(name string) (e manifest.Entry, err error) {
	i, err := d.Look(name)
	if err != nil {
		return e, err
	}
	e.Kind, e.Permissions, e.Size, e.Mtime = i.Kind, i.Permissions, i.Size, i.Mtime
	if e.Kind == manifest.Symlink {
		e.Target, err = d.root.Readlink(d.at(name))
		return e, err
	}
	if e.Kind != manifest.File && e.Kind != manifest.Dir || !xattr.XATTR_SUPPORTED {
		return e, nil
	}
	f, err := d.root.Open(d.at(name))
	if err != nil {
		return e, err
	}
	defer f.Close()
	names, err := xattr.FList(f)
	if err != nil {
		return e, err
	}
	slices.Sort(names)
	for _, x := range names {
		if value, err := xattr.FGet(f, x); err == nil { // else it is gone, or not for us to see
			e.Xattrs = append(e.Xattrs, manifest.Xattr{Name: x, Value: string(value)})
		}
	}
	return e, nil
}

// RemoveXattr removes an extended attribute of what is called name, "." for the
// directory itself, if it has it.
func (d *Dir) RemoveXattr(name, attribute string) error {
	f, err := d.root.Open(d.at(name))
	if err != nil {
		return err
	}
	defer f.Close()
	return xattr.FRemove(f, attribute)
}

// Bequeaths reports whether what is made in the directory gets an ACL from it:
// not so here.
func (d *Dir) Bequeaths() bool { return false }

// Disinherit does nothing, see [Dir.Bequeaths].
func (d *Dir) Disinherit(string) error { return nil }
