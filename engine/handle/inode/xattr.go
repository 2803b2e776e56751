package inode

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pkg/xattr"

	"phlb/engine/manifest"
)

// MaxXattrs is how many bytes of attributes a file may have: more make a line
// that is too long for the reader of a manifest.
const MaxXattrs = 8 << 20

// Gather returns the attributes that list names, sorted.
func Gather(list func() ([]string, error), get func(string) ([]byte, error)) ([]manifest.Xattr, error) {
	names, err := list()
	if err != nil {
		if errors.Is(err, errors.ErrUnsupported) {
			return nil, nil
		}
		return nil, attributeError(err)
	}
	var found []manifest.Xattr
	var unseen error
	size := 0
	for _, name := range names {
		if name == "com.apple.provenance" { // macOS gives it to whatever a program makes, and lets nobody change it
			continue
		}
		value, err := get(name)
		if errors.Is(err, xattr.ENOATTR) { // gone
			continue
		}
		if errors.Is(err, fs.ErrPermission) {
			unseen = &UnseenError{name, errors.Unwrap(attributeError(err))}
			continue
		}
		if err != nil {
			return nil, attributeError(err)
		}
		if size += len(name) + len(value); size > MaxXattrs {
			return nil, fmt.Errorf("extended attributes take more than the %d MiB that a manifest has room for", MaxXattrs>>20)
		}
		found = append(found, manifest.Xattr{Name: name, Value: string(value)})
	}
	slices.SortFunc(found, func(a, b manifest.Xattr) int { return strings.Compare(a.Name, b.Name) })
	return found, unseen
}

// UnseenError says that there is an attribute that we may not read. What the
// others are is known all the same.
type UnseenError struct {
	Name string
	Err  error
}

// Error returns the message.
func (e *UnseenError) Error() string { return "attribute " + e.Name + ": " + e.Err.Error() }

// Unwrap returns the system's error.
func (e *UnseenError) Unwrap() error { return e.Err }

// Seen returns nil for an [UnseenError], and others as they are.
func Seen(err error) error {
	if _, ok := errors.AsType[*UnseenError](err); ok {
		return nil
	}
	return err
}

// attributeError leaves out the path that only we know the file by.
func attributeError(err error) error {
	if of, ok := errors.AsType[*xattr.Error](err); ok {
		return fmt.Errorf("%s: %w", strings.TrimSpace("extended attributes "+of.Name), of.Err)
	}
	return err
}

// UnlessNone returns nil for an error that says that there is no such attribute.
func UnlessNone(err error) error {
	if errors.Is(err, xattr.ENOATTR) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
