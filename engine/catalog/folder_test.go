package catalog

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"
	"testing"

	"phlb/engine/manifest"
)

// nested returns a tree with folders in folders, of which each step changes some,
// and adds and removes others.
func nested(step int) tree {
	t := tree{}
	dir := func(p string) {
		e := file(p, 0)
		e.Kind, e.Digest = manifest.Dir, manifest.Digest{}
		t[p] = e
	}
	for _, p := range []string{".", "a", "a/b", "a/b/c", "a.x", "z"} {
		dir(p)
	}
	for i := range 12 {
		for _, folder := range []string{"", "a/", "a/b/", "a/b/c/", "a.x/"} {
			if (i+step)%5 == 0 {
				continue
			}
			n := 1 + i
			if i%4 == step%4 {
				n += 100 * step
			}
			p := fmt.Sprintf("%sfile %d", folder, i)
			t[p] = file(p, n)
		}
	}
	return t
}

func TestFolder(t *testing.T) {
	c := newCatalog(t)
	var ids []ID
	trees := map[ID]tree{}
	for step := range 6 {
		mustAbsorb(t, c, snapshot("other", step), tree{"a/file 1": file("a/file 1", 1000+step)})
		// The last to be absorbed is the oldest.
		at := step + 1
		if step == 5 {
			at = 0
		}
		id := mustAbsorb(t, c, snapshot("docs", at), nested(step))
		ids, trees[id] = append(ids, id), nested(step)
	}
	ids = append(ids[5:], ids[:5]...)
	c = reopen(t, c)
	for i, id := range ids {
		before := tree{}
		if i > 0 {
			before = trees[ids[i-1]]
		}
		for _, folder := range []string{".", "a", "a/b", "z", "a/file 3", "missing"} {
			f, err := c.Folder(t.Context(), id, folder, true)
			if err != nil {
				t.Fatal(err)
			}
			checkFolder(t, f, i, folder, trees[id], before, i != 1)
		}
	}
	if _, err := c.Folder(t.Context(), 99, ".", false); !errors.Is(err, ErrUnknown) {
		t.Errorf("a snapshot that is not there: %v", err)
	}
}

// checkFolder holds what was found of step at against what the trees have, and what
// has changed where both were taken into the catalog one after the other.
func checkFolder(t *testing.T, f *Folder, at int, folder string, now, before tree, adjacent bool) {
	t.Helper()
	in := func(p string) (string, bool) {
		if folder == "." {
			return p, p != "."
		}
		return strings.CutPrefix(p, folder+"/")
	}
	own, children := tree{}, tree{}
	below := map[string]Below{}
	var turnover Turnover
	add := func(inside string, change func(*Below)) {
		parts := strings.Split(inside, "/")
		for depth := 1; depth <= min(2, len(parts)); depth++ {
			key := strings.Join(parts[:depth], "/")
			b := below[key]
			change(&b)
			below[key] = b
		}
	}
	for p, e := range now {
		inside, lies := in(p)
		if p == folder {
			own[p] = e
		}
		if !lies {
			continue
		}
		if path.Dir(p) == folder {
			children[p] = e
		}
		old, was := before[p]
		begins := e.Kind != manifest.Dir && (!was || !Same(&e, &old))
		if begins {
			turnover.Begun++
		}
		add(inside, func(b *Below) {
			if e.Kind == manifest.File {
				b.Files++
				b.Bytes += e.Size
			}
			if begins {
				b.Begun++
			}
		})
	}
	for p, e := range before {
		inside, lies := in(p)
		next, is := now[p]
		if !lies {
			continue
		}
		ends := e.Kind != manifest.Dir && (!is || !Same(&e, &next))
		if ends {
			turnover.Ended++
		}
		add(inside, func(b *Below) {
			if ends {
				b.Ended++
			}
		})
	}
	for what, want := range map[string]tree{"own": own, "children": children} {
		got := tree{}
		lives := f.Own
		if what == "children" {
			lives = f.Children
		}
		for i := range lives {
			if lives[i].LivesIn(at) {
				got[lives[i].Entry.Path] = *lives[i].Entry
			}
		}
		if err := sameTree(got, want); err != nil {
			t.Errorf("step %d, %s of %s: %v", at, what, folder, err)
		}
	}
	got := map[string]Below{}
	for key, b := range f.Below {
		got[key] = *b
	}
	if adjacent && !maps.Equal(got, below) {
		t.Errorf("step %d, %s: %v, not %v", at, folder, got, below)
	}
	if adjacent && folder != "a/file 3" && f.Snapshots[at].Turnover != turnover {
		t.Errorf("step %d, %s: %+v, not %+v", at, folder, f.Snapshots[at].Turnover, turnover)
	}
	if len(f.Snapshots) != 6 || f.Snapshots[0].Stamp != "stamp 000" {
		t.Errorf("steps: %+v", f.Snapshots)
	}
}
