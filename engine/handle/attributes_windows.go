package handle

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/windows"

	"phlb/engine/handle/inode"
	"phlb/engine/handle/nt"
	"phlb/engine/manifest"
)

// What a manifest has no field for is recorded as extended attributes, under
// names that no other system gives.
const (
	attrFlags    = "windows.attributes" // names of flags, joined by commas
	attrArchive  = manifest.WindowsArchive
	attrCreated  = manifest.WindowsCreated
	attrSecurity = "windows.security" // owner, group and access list, in SDDL
	attrReparse  = "windows.reparse"  // the data of a link, in Windows' own form
	attrStream   = "windows.stream."  // and the name of an alternate stream: its content
)

// Xattrs returns what only Windows has of what is called name, or with "" of the
// directory itself, sorted by name: attributes, creation time, owner and access
// list, alternate streams, and where a link leads to.
func (d *Dir) Xattrs(name string) ([]manifest.Xattr, error) {
	own, err := d.look(name)
	if err != nil {
		return nil, nil // vanished
	}
	access := uint32(windows.FILE_READ_ATTRIBUTES | windows.READ_CONTROL)
	h, err := nt.Open(d.h, name, nt.Request{Access: access, Options: noFollow})
	if err != nil {
		found := plainAttributes(&own)
		slices.SortFunc(found, byName)
		return found, unseen(attrSecurity, err)
	}
	defer windows.CloseHandle(h)
	found, err := attributes(h, &own)
	if own.Kind != manifest.File && own.Kind != manifest.Dir {
		flags := nt.FlagText(own.nt.Attributes)
		found = slices.DeleteFunc(found, func(x manifest.Xattr) bool { return x.Name == attrFlags })
		if flags != "" {
			found = append(found, manifest.Xattr{Name: attrFlags, Value: flags})
		}
		data, failed := nt.Reparse(d.h, name)
		if failed != nil {
			return nil, fmt.Errorf("link: %w", failed)
		}
		found = append(found, manifest.Xattr{Name: attrReparse, Value: string(data)})
	}
	slices.SortFunc(found, byName)
	return found, err
}

// Xattrs returns what only Windows has of the file, see [Dir.Xattrs].
func (f *File) Xattrs() ([]manifest.Xattr, error) {
	h := windows.Handle(f.file.Fd())
	own, err := look(h)
	if err != nil {
		return nil, err
	}
	found, err := attributes(h, &own)
	slices.SortFunc(found, byName)
	return found, err
}

func byName(a, b manifest.Xattr) int { return strings.Compare(a.Name, b.Name) }

func unseen(name string, err error) error {
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return &UnseenError{Name: name, Err: err}
	}
	return err
}

func plainAttributes(own *looked) (found []manifest.Xattr) {
	found = append(found, manifest.Xattr{Name: attrCreated, Value: timeText(timeOf(own.nt.Created))})
	if own.nt.Attributes&windows.FILE_ATTRIBUTE_ARCHIVE != 0 {
		found = append(found, manifest.Xattr{Name: attrArchive, Value: "1"})
	}
	if flags := nt.FlagText(own.nt.Attributes &^ windows.FILE_ATTRIBUTE_DIRECTORY); flags != "" {
		found = append(found, manifest.Xattr{Name: attrFlags, Value: flags})
	}
	return found
}

func attributes(h windows.Handle, own *looked) ([]manifest.Xattr, error) {
	found := plainAttributes(own)
	security, err := nt.Security(h)
	switch {
	case err == nil:
		found = append(found, manifest.Xattr{Name: attrSecurity, Value: security})
	case nt.IsUnknown(err): // FAT has none
	default:
		err = unseen(attrSecurity, err)
		if inode.Seen(err) != nil {
			return nil, fmt.Errorf("access list: %w", err)
		}
	}
	if own.nt.Tag != 0 || own.Kind != manifest.File && own.Kind != manifest.Dir {
		return found, err
	}
	streams, failed := nt.Streams(h, inode.MaxXattrs)
	if failed != nil {
		return nil, fmt.Errorf("alternate streams: %w", failed)
	}
	for _, s := range streams {
		found = append(found, manifest.Xattr{Name: attrStream + s.Name, Value: s.Content})
	}
	return found, err
}

func timeOf(ticks int64) (t manifest.Time) {
	t.Sec, t.Nsec = nt.Unix(ticks)
	return t
}

func ticks(t manifest.Time) int64 { return nt.Ticks(t.Sec, t.Nsec) }

func timeText(t manifest.Time) string { return fmt.Sprintf("%d.%09d", t.Sec, t.Nsec) }

func parseTime(text string) (t manifest.Time, err error) {
	sec, nsec, _ := strings.Cut(text, ".")
	if t.Sec, err = strconv.ParseInt(sec, 10, 64); err != nil {
		return t, err
	}
	n, err := strconv.ParseUint(nsec, 10, 30)
	t.Nsec = uint32(n)
	return t, err
}

// finish gives what is open the metadata of e. Other handles of the same are
// opened as they are needed: what a user may not change of it is not kept, and the
// rest is.
func finish(h windows.Handle, e *manifest.Entry) error {
	to := nt.BasicInfo{Attributes: windows.FILE_ATTRIBUTE_NORMAL}
	return inode.Metadata{
		Entry: e,
		Chown: func(uid, gid int) error {
			// The owner is an attribute here, and numbers are those of another system,
			// but for what package os calls everybody.
			for _, id := range []int{uid, gid} {
				if id != 0 && uint32(id) != ^uint32(0) {
					return errors.ErrUnsupported
				}
			}
			return nil
		},
		Xattr: func(x manifest.Xattr) error { return setAttribute(h, x, &to) },
		Chmod: func(mode uint32) error {
			if e.Kind == manifest.File && mode&0o200 == 0 {
				to.Attributes |= windows.FILE_ATTRIBUTE_READONLY
			}
			return nil
		},
		Utimes: func(atime manifest.Time) error {
			to.Written = ticks(e.Mtime)
			if atime != (manifest.Time{}) {
				to.Accessed = ticks(atime)
			}
			return setBasic(h, to)
		},
		Look: func() (Inode, error) {
			own, err := look(h)
			return own.Inode, err
		},
	}.Apply()
}

func setBasic(h windows.Handle, to nt.BasicInfo) error {
	at, err := nt.Open(h, "", nt.Request{Access: windows.FILE_WRITE_ATTRIBUTES, Options: noFollow})
	if err != nil {
		return err
	}
	defer windows.CloseHandle(at)
	return nt.Set(at, windows.FileBasicInformation, to)
}

// setAttribute sets an extended attribute of Windows' own, or notes it in to,
// which is set last.
func setAttribute(h windows.Handle, x manifest.Xattr, to *nt.BasicInfo) error {
	switch {
	case x.Name == attrFlags:
		to.Attributes |= nt.FlagsOf(x.Value) &^ windows.FILE_ATTRIBUTE_DIRECTORY
	case x.Name == attrArchive:
		to.Attributes |= windows.FILE_ATTRIBUTE_ARCHIVE
	case x.Name == attrCreated:
		t, err := parseTime(x.Value)
		if err != nil {
			return err
		}
		to.Created = ticks(t)
	case x.Name == attrSecurity:
		return nt.SetSecurity(h, x.Value)
	case x.Name == attrReparse: // is what makes the link
	case strings.HasPrefix(x.Name, attrStream):
		stream, _ := cutStream(x.Name)
		return nt.WriteStream(h, stream, x.Value)
	default:
		return errors.ErrUnsupported
	}
	return nil
}

// cutStream returns how the stream is opened that the attribute is the content of.
func cutStream(attribute string) (string, bool) {
	name, ok := strings.CutPrefix(attribute, attrStream)
	return ":" + name + ":$DATA", ok
}
