package rows

import (
	"reflect"
	"testing"

	"phlb/engine/manifest"
)

func FuzzXattrs(f *testing.F) {
	f.Add(packXattrs([]manifest.Xattr{{Name: "user.a", Value: "b"}}))
	f.Add("\xff")
	f.Fuzz(func(t *testing.T, packed string) {
		list, err := unpackXattrs(packed)
		if err != nil {
			return
		}
		again, err := unpackXattrs(packXattrs(list))
		if err != nil || !reflect.DeepEqual(list, again) {
			t.Fatalf("%v became %v, %v", list, again, err)
		}
	})
}

func FuzzStored(f *testing.F) {
	f.Add("644,0:0,-5.000000001")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseStored(text)
		if err != nil || s == nil {
			return
		}
		v := VersionOf(&manifest.Entry{Stored: s})
		if again, err := parseStored(v.Stored); err != nil || *again != *s {
			t.Fatalf("%v became %v, %v", s, again, err)
		}
	})
}
