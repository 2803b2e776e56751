package restore

import (
	"os"
	"slices"

	"phlb/engine/manifest"
)

// capability is the attribute that gives a program rights of root, see
// capabilities(7).
const capability = "security.capability"

// isForeign reports whether somebody else may have written what the snapshot holds: the
// root belongs to another user, or another host made the snapshot.
func (r *restore) isForeign() (bool, error) {
	self, err := r.root.Dir().Self()
	if err != nil {
		return false, err
	}
	ours := self.UID == 0 || int64(self.UID) == int64(os.Geteuid())
	return !ours || r.snapshot.Host != r.Env.Host || r.Env.ForeignRoot, nil
}

// dropPrivileges removes what gives rights to whoever runs or opens an entry, if the root
// is foreign. It reports false for an entry that is left out, which is a device.
func (r *restore) dropPrivileges(e *manifest.Entry) bool {
	if !r.foreign || r.Privileged {
		return true
	}
	const setID = 0o6000
	isDevice := e.Kind == manifest.BlockDevice || e.Kind == manifest.CharDevice
	has := func(x manifest.Xattr) bool { return x.Name == capability }
	if !isDevice && (e.Kind != manifest.File || e.Mode&setID == 0 && !slices.ContainsFunc(e.Xattrs, has)) {
		return true
	}
	r.count(func(done *Restored) { done.Privileged++ })
	r.Log.Info("left out, since the root is not of this host and user", "path", e.Path)
	e.Mode &^= setID
	e.Xattrs = slices.DeleteFunc(e.Xattrs, has)
	return !isDevice
}
