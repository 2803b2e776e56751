package manifest

import "slices"

// Attributes that are a path's own as its times are: they differ between files of
// the same content, and do not keep these from sharing an inode.
const (
	WindowsCreated = "windows.created" // seconds since 1970 and nine digits behind the point
	WindowsArchive = "windows.archive" // "1" where the flag is set
)

// SharedXattrs returns the attributes that all names of an inode have in common.
func SharedXattrs(list []Xattr) []Xattr {
	own := func(x Xattr) bool { return x.Name == WindowsCreated || x.Name == WindowsArchive }
	if !slices.ContainsFunc(list, own) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), own)
}
