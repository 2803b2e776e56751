package handle

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

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

// flagNames are the attributes that are recorded. What is missing follows from
// other things, or is about how a file system keeps the file.
var flagNames = []struct {
	flag uint32
	name string
}{
	{windows.FILE_ATTRIBUTE_READONLY, "read-only"},
	{windows.FILE_ATTRIBUTE_HIDDEN, "hidden"},
	{windows.FILE_ATTRIBUTE_SYSTEM, "system"},
	{windows.FILE_ATTRIBUTE_NOT_CONTENT_INDEXED, "not-indexed"},
	{windows.FILE_ATTRIBUTE_DIRECTORY, "directory"}, // of links alone
}

func flagText(flags uint32) string {
	var names []string
	for _, f := range flagNames {
		if flags&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ",")
}

// flagsOf is the inverse of flagText. What a later phlb writes is left out.
func flagsOf(text string) (flags uint32) {
	for _, name := range strings.Split(text, ",") {
		for _, f := range flagNames {
			if f.name == name {
				flags |= f.flag
			}
		}
	}
	return flags
}

// Xattrs returns what only Windows has of what is called name, or with "" of the
// directory itself, sorted by name: attributes, creation time, owner and access
// list, alternate streams, and where a link leads to.
func (d *Dir) Xattrs(name string) ([]manifest.Xattr, error) {
	own, err := d.look(name)
	if err != nil {
		return nil, nil // vanished
	}
	access := uint32(windows.FILE_READ_ATTRIBUTES | windows.READ_CONTROL)
	h, err := open(d.h, name, request{access: access, options: noFollow})
	if err != nil {
		found := plainAttributes(&own)
		slices.SortFunc(found, byName)
		return found, unseen(attrSecurity, err)
	}
	defer windows.CloseHandle(h)
	found, err := attributes(h, &own)
	if own.Kind != manifest.File && own.Kind != manifest.Dir {
		flags := flagText(own.attributes)
		found = slices.DeleteFunc(found, func(x manifest.Xattr) bool { return x.Name == attrFlags })
		if flags != "" {
			found = append(found, manifest.Xattr{Name: attrFlags, Value: flags})
		}
		data, failed := d.reparse(name)
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
		return &UnseenError{name, err}
	}
	return err
}

func plainAttributes(own *looked) (found []manifest.Xattr) {
	found = append(found, manifest.Xattr{Name: attrCreated, Value: timeText(timeOf(own.created))})
	if own.attributes&windows.FILE_ATTRIBUTE_ARCHIVE != 0 {
		found = append(found, manifest.Xattr{Name: attrArchive, Value: "1"})
	}
	if flags := flagText(own.attributes &^ windows.FILE_ATTRIBUTE_DIRECTORY); flags != "" {
		found = append(found, manifest.Xattr{Name: attrFlags, Value: flags})
	}
	return found
}

func attributes(h windows.Handle, own *looked) ([]manifest.Xattr, error) {
	found := plainAttributes(own)
	security, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, securityParts)
	switch {
	case err == nil:
		found = append(found, manifest.Xattr{Name: attrSecurity, Value: security.String()})
	case isUnknown(err): // FAT has none
	default:
		err = unseen(attrSecurity, err)
		if Seen(err) != nil {
			return nil, fmt.Errorf("access list: %w", err)
		}
	}
	if own.tag != 0 || own.Kind != manifest.File && own.Kind != manifest.Dir {
		return found, err
	}
	streams, failed := readStreams(h)
	if failed != nil {
		return nil, failed
	}
	return append(found, streams...), err
}

const securityParts = windows.OWNER_SECURITY_INFORMATION | windows.GROUP_SECURITY_INFORMATION | windows.DACL_SECURITY_INFORMATION

// readStreams returns the alternate streams of what is open.
func readStreams(h windows.Handle) (found []manifest.Xattr, err error) {
	// FILE_STREAM_INFO
	type entry struct {
		Next, NameLength uint32
		Size, Allocated  int64
		Name             [1]uint16
	}
	buf := make([]uint64, 512)
	for {
		err := windows.GetFileInformationByHandleEx(h, windows.FileStreamInfo, (*byte)(unsafe.Pointer(&buf[0])), uint32(8*len(buf)))
		if err == windows.ERROR_MORE_DATA && len(buf) < 1<<20 {
			buf = make([]uint64, 2*len(buf))
			continue
		}
		if err == windows.ERROR_HANDLE_EOF || isUnknown(err) { // has none, or cannot
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("alternate streams: %w", err)
		}
		break
	}
	size := int64(0)
	for at := unsafe.Pointer(&buf[0]); ; {
		e := (*entry)(at)
		full := windows.UTF16ToString(unsafe.Slice(&e.Name[0], e.NameLength/2))
		if name, ok := strings.CutSuffix(strings.TrimPrefix(full, ":"), ":$DATA"); ok && name != "" {
			if size += e.Size; size > maxXattrs {
				return nil, fmt.Errorf("alternate streams take more than the %d MiB that a manifest has room for", maxXattrs>>20)
			}
			value, err := readStream(h, full, e.Size)
			if err != nil {
				return nil, fmt.Errorf("alternate stream %s: %w", name, err)
			}
			found = append(found, manifest.Xattr{Name: attrStream + name, Value: value})
		}
		if e.Next == 0 {
			return found, nil
		}
		at = unsafe.Add(at, e.Next)
	}
}

func readStream(h windows.Handle, name string, size int64) (string, error) {
	s, err := openStream(h, name, request{access: windows.FILE_GENERIC_READ})
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(s)
	text := make([]byte, size)
	for done := 0; done < len(text); {
		var n uint32
		if err := windows.ReadFile(s, text[done:], &n, nil); err != nil || n == 0 {
			return string(text[:done]), err
		}
		done += int(n)
	}
	return string(text), nil
}

func writeStream(h windows.Handle, name, value string) error {
	s, err := openStream(h, name, request{access: windows.FILE_GENERIC_WRITE, disposition: windows.FILE_OVERWRITE_IF})
	if err != nil {
		return err
	}
	defer windows.CloseHandle(s)
	for rest := []byte(value); len(rest) > 0; {
		var n uint32
		if err := windows.WriteFile(s, rest, &n, nil); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return windows.FlushFileBuffers(s)
}

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
	to := basicInfo{Attributes: windows.FILE_ATTRIBUTE_NORMAL}
	return metadata{
		entry: e,
		chown: func(uid, gid int) error {
			// The owner is an attribute here, and numbers are those of another system,
			// but for what package os calls everybody.
			for _, id := range []int{uid, gid} {
				if id != 0 && uint32(id) != ^uint32(0) {
					return errors.ErrUnsupported
				}
			}
			return nil
		},
		xattr: func(x manifest.Xattr) error { return setAttribute(h, x, &to) },
		chmod: func(mode uint32) error {
			if e.Kind == manifest.File && mode&0o200 == 0 {
				to.Attributes |= windows.FILE_ATTRIBUTE_READONLY
			}
			return nil
		},
		utimes: func(atime manifest.Time) error {
			to.Written = ticks(e.Mtime)
			if atime != (manifest.Time{}) {
				to.Accessed = ticks(atime)
			}
			return setBasic(h, to)
		},
		look: func() (Inode, error) {
			own, err := look(h)
			return own.Inode, err
		},
	}.apply()
}

func setBasic(h windows.Handle, to basicInfo) error {
	at, err := open(h, "", request{access: windows.FILE_WRITE_ATTRIBUTES, options: noFollow})
	if err != nil {
		return err
	}
	defer windows.CloseHandle(at)
	return set(at, windows.FileBasicInformation, to)
}

// setAttribute sets an extended attribute of Windows' own, or notes it in to,
// which is set last.
func setAttribute(h windows.Handle, x manifest.Xattr, to *basicInfo) error {
	switch {
	case x.Name == attrFlags:
		to.Attributes |= flagsOf(x.Value) &^ windows.FILE_ATTRIBUTE_DIRECTORY
	case x.Name == attrArchive:
		to.Attributes |= windows.FILE_ATTRIBUTE_ARCHIVE
	case x.Name == attrCreated:
		t, err := parseTime(x.Value)
		if err != nil {
			return err
		}
		to.Created = ticks(t)
	case x.Name == attrSecurity:
		return setSecurity(h, x.Value)
	case x.Name == attrReparse: // is what makes the link
	case strings.HasPrefix(x.Name, attrStream):
		stream, _ := cutStream(x.Name)
		return writeStream(h, stream, x.Value)
	default:
		return errors.ErrUnsupported
	}
	return nil
}

// setSecurity gives what is open an access list, and the owner and group if it
// can. They are set as they are, and what a list was inherited from does not
// matter.
func setSecurity(h windows.Handle, sddl string) error {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return err
	}
	apply := func(access uint32, parts windows.SECURITY_INFORMATION) error {
		at, err := open(h, "", request{access: access, options: noFollow})
		if err != nil {
			return err
		}
		defer windows.CloseHandle(at)
		return windows.SetKernelObjectSecurity(at, parts, sd)
	}
	if apply(windows.WRITE_DAC|windows.WRITE_OWNER, securityParts) == nil {
		return nil
	}
	// An ordinary user can give away nothing, but says who may look into it.
	if err := apply(windows.WRITE_DAC, windows.DACL_SECURITY_INFORMATION); err != nil {
		return err
	}
	owner, _, err := sd.Owner()
	if err != nil || owner == nil {
		return nil
	}
	if now, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION); err == nil {
		if is, _, err := now.Owner(); err == nil && is != nil && is.Equals(owner) {
			return nil
		}
	}
	return fmt.Errorf("owner: %w", windows.ERROR_INVALID_OWNER)
}

// cutStream returns how the stream is opened that the attribute is the content of.
func cutStream(attribute string) (string, bool) {
	name, ok := strings.CutPrefix(attribute, attrStream)
	return ":" + name + ":$DATA", ok
}
