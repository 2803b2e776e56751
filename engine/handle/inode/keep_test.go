package inode

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"phlb/engine/manifest"
)

// pretended is a file of a file system that keeps what it likes.
type pretended struct {
	inode Inode
	alone bool // a change of one time alone counts
	never bool // no time that is set counts
	deny  bool // owner, mode and attributes are refused
}

func (p *pretended) apply(e *manifest.Entry) error {
	refused := func() error {
		if p.deny {
			return fs.ErrPermission
		}
		return nil
	}
	return Metadata{
		Entry: e,
		Chown: func(int, int) error { return refused() },
		Chmod: func(uint32) error { return refused() },
		Xattr: func(manifest.Xattr) error { return refused() },
		Utimes: func(atime manifest.Time) error {
			if !p.never && (p.alone || atime != manifest.Time{}) {
				p.inode.Mtime = e.Mtime
			}
			return nil
		},
		Look: func() (Inode, error) { return p.inode, nil },
	}.Apply()
}

// What a file system does not keep is told, each by its kind, whether it refuses
// it or says nothing.
func TestNotKept(t *testing.T) {
	t.Parallel()
	made := manifest.Time{Sec: 2e9}
	for _, test := range []struct {
		name string
		p    pretended
		want []string
	}{
		{"All", pretended{alone: true}, nil},
		{"BothTimes", pretended{}, nil},
		{"NoTimes", pretended{never: true}, []string{"time"}},
		{"Refused", pretended{alone: true, deny: true}, []string{"owner", "attribute security.one", "attribute user.two", "mode"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.p.inode.Mtime, test.p.inode.Atime = made, made
			e := &manifest.Entry{Kind: manifest.File, Mtime: manifest.Time{Sec: 1e9}, Xattrs: []manifest.Xattr{{Name: "security.one"}, {Name: "user.two"}}}
			err := test.p.apply(e)
			var got []string
			if err != nil {
				for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
					lost, ok := errors.AsType[*NotKept](err)
					if !ok {
						t.Fatal(err)
					}
					got = append(got, lost.What)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("not kept are %q, want %q", got, test.want)
			}
			if UnlessNotKept(err) != nil {
				t.Errorf("%v is taken for more", err)
			}
			if kept := !test.p.never; (e.Stored == nil) != kept {
				t.Errorf("stored is %+v", e.Stored)
			}
		})
	}
}
