package nt

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// Looked is what a handle tells of a file.
type Looked struct {
	BasicInfo
	Type       fs.FileMode // see [TypeOf]
	Size       int64
	Allocated  int64
	Links      uint64
	Tag        uint32 // of a reparse point
	Volume, ID uint64 // see [Identity]
}

// Look returns what is open.
func Look(h windows.Handle) (own Looked, err error) {
	if own.BasicInfo, err = Information[BasicInfo](h, windows.FileBasicInfo); err != nil {
		return own, err
	}
	standard, err := Information[StandardInfo](h, windows.FileStandardInfo)
	if err != nil {
		return own, err
	}
	if own.Attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		tag, err := Information[TagInfo](h, windows.FileAttributeTagInfo)
		if err != nil {
			return own, err
		}
		own.Tag = tag.Tag
	}
	own.Type = TypeOf(own.Attributes, own.Tag)
	own.Size, own.Allocated, own.Links = standard.Size, standard.Allocated, uint64(standard.Links)
	own.Volume, own.ID = Identity(h)
	return own, nil
}

// ErrReplaced says that another file came to lie under a name while it was opened.
var ErrReplaced = errors.New("was replaced while it was opened")

// OpenAs opens what is called name in dir, if it is of that type; else the error is
// other. Where a filter of the system has put a reparse point there that is no link,
// what that stands for is opened.
func OpenAs(dir windows.Handle, name string, r Request, kind fs.FileMode, other error) (windows.Handle, error) {
	through := r
	// Not with what forbids another kind: of that the system would say that there is
	// none.
	r.Options |= windows.FILE_OPEN_REPARSE_POINT
	h, err := Open(dir, name, r)
	if err != nil {
		return 0, err
	}
	own, err := Look(h)
	if err == nil && own.Type != kind {
		err = other
	}
	if err == nil && own.Tag != 0 {
		var behind windows.Handle
		if behind, err = Open(dir, name, through); err == nil {
			windows.CloseHandle(h)
			h = behind
			if volume, id := Identity(h); id == 0 || volume != own.Volume || id != own.ID {
				err = ErrReplaced
			}
		}
	}
	if err != nil {
		windows.CloseHandle(h)
		return 0, err
	}
	return h, nil
}
