package manifest

import "testing"

// The name in the source comes back, and only from a manifest that holds a name there:
// a restore makes what is called so.
func TestSourceName(t *testing.T) {
	names := []string{"V", "a b", "%41", "new\nline", "back\\slash", "\u00e9", "\xff", "~1", "..."}
	for _, name := range names {
		for _, e := range []Entry{
			{Path: "sub", Kind: Dir, SourceName: name}, {Path: "v~1", Kind: File, SourceName: name},
			{Path: "v~1", Kind: File, SourceName: name, Absent: true}, {Path: "v~1", Kind: Symlink, Target: "name=x", SourceName: name},
		} {
			_, got, _, err := read(write(t, header, []Entry{e}, Summary{}))
			if err != nil || len(got) != 1 || !got[0].Equal(&e) || got[0].NameInSource() != name {
				t.Errorf("%+v comes back as %+v: %v", e, got, err)
			}
			other := e
			other.SourceName = ""
			if e.Equal(&other) || e.mark().Vouches(&other, other.Mtime) || other.mark().Vouches(&e, e.Mtime) {
				t.Errorf("%q is taken for an entry of another name", name)
			}
		}
	}
	for _, name := range []string{".", "..", "a/b", "/", "a\x00b"} {
		_, got, _, err := read(write(t, header, []Entry{{Path: "v", Kind: File, SourceName: name}}, Summary{}))
		if err == nil {
			t.Errorf("%q is read as %+v", name, got)
		}
	}
}
