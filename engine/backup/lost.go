package backup

import (
	"errors"

	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// notKept notes metadata that the root does not take, and lets other errors pass.
func (r *run) notKept(e *manifest.Entry, err error) error {
	lost := store.Lost(err)
	if lost == nil {
		return err
	}
	for _, one := range lost {
		r.losses.Add("the backup root does not keep all metadata, it is in the manifest only", one.What, e.Path, one.Err)
	}
	return nil
}

// seen notes attributes of an entry of the source that may not be read, and lets
// other errors pass. The next run looks at such an entry again: that somebody else
// may read an attribute, or may by then, changes no time.
func (r *run) seen(e *manifest.Entry, err error) error {
	e.Racy = e.Racy || err != nil
	unseen, ok := errors.AsType[*walk.UnseenError](err)
	if !ok {
		return err
	}
	r.losses.Add("not all metadata of the source can be read", "attribute "+unseen.Name, e.Path, unseen.Err)
	return nil
}
