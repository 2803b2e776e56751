package backup

import (
	"errors"

	"phlb/engine/manifest"
	"phlb/engine/store"
	"phlb/engine/walk"
)

// noteNotKept notes the metadata that err says the root does not keep, and returns
// every other error.
func (r *run) noteNotKept(e *manifest.Entry, err error) error {
	lost := store.Lost(err)
	if lost == nil {
		return err
	}
	for _, one := range lost {
		r.losses.Add("the backup root does not keep all metadata, it is in the manifest only", one.What, e.Path, one.Err)
	}
	return nil
}

// noteUnread notes the attribute that err says may not be read, and returns every other
// error. The next run looks at the entry again: an attribute may become readable
// without any change of the entry's times.
func (r *run) noteUnread(e *manifest.Entry, err error) error {
	e.Racy = e.Racy || err != nil
	unseen, ok := errors.AsType[*walk.UnseenError](err)
	if !ok {
		return err
	}
	r.losses.Add("not all metadata of the source can be read", "attribute "+unseen.Name, e.Path, unseen.Err)
	return nil
}
