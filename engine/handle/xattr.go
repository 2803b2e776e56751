package handle

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pkg/xattr"

	"phlb/engine/manifest"
)

// maxXattrs is how many bytes of attributes a file may have: more make a line
// that is too long for the reader of a manifest.
const maxXattrs = 8 << 20

// gather returns the attributes that list names, sorted.
func gather(list func() ([]string, error), get func(string) ([]byte, error)) ([]manifest.Xattr, error) {
	names, err := list()
	if err != nil {
		if errors.Is(err, errors.ErrUnsupported) {
			return nil, nil
		}
		return nil, attributeError(err)
	}
	var found []manifest.Xattr
	size := 0
	for _, name := range names {
		value, err := get(name)
		if errors.Is(err, xattr.ENOATTR) || errors.Is(err, fs.ErrPermission) {
			continue // gone, or not for us to see
		}
		if err != nil {
			return nil, attributeError(err)
		}
		if size += len(name) + len(value); size > maxXattrs {
			return nil, fmt.Errorf("extended attributes take more than the %d MiB that a manifest has room for", maxXattrs>>20)
		}
		found = append(found, manifest.Xattr{Name: name, Value: string(value)})
	}
	slices.SortFunc(found, func(a, b manifest.Xattr) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

// attributeError leaves out the path that only we know the file by.
func attributeError(err error) error {
	if of, ok := errors.AsType[*xattr.Error](err); ok {
		return fmt.Errorf("%s: %w", strings.TrimSpace("extended attributes "+of.Name), of.Err)
	}
	return err
}

// unlessNone returns nil for an error that says that there is no such attribute.
func unlessNone(err error) error {
	if errors.Is(err, xattr.ENOATTR) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
