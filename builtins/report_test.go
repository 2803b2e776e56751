package builtins

import (
	"os"
	"path/filepath"
	"testing"

	"phlb/engine"
)

func TestVerify(t *testing.T) {
	l := newLab(t, "a", "content", "b", "content", "c", "other")
	l.must(os.Chmod(l.in("b"), 0o400))
	l.run(`
snap = link(scan(SOURCE))
r = verify(snap)
print(type(r), str(r), bool(r), r.ok, r.problems, r.files, r.read, r.bytes, r.snapshot == snap)
print(r.added, r.linked, r.saved, r.removed)
print(verify(snap, fast = True).read, verify(snap, sample = 0).read, verify(str(snap), sample = 1).read, verify(snap.path, True).ok)
print(verify(snap.id).ok, verify(snap.name).ok, verify("source/latest").ok)
print(dir(r))
`, `
Report <Report: 0 problems> True True [] 3 3 19 True
[] 0 0 0
0 0 3 True
True True True
["added", "bytes", "files", "linked", "ok", "problems", "read", "read_before", "removed", "saved", "snapshot"]
`)
	if n := len(l.session.Reports()); n != 8 {
		t.Errorf("the session has %d reports, want 8", n)
	}
	snap := l.session.Made()[0]
	l.must(os.WriteFile(filepath.Join(snap.Path, "a"), []byte("CONTENT"), 0o644))
	l.must(os.Remove(filepath.Join(snap.Path, "c")))
	l.run(`
r = verify("source")
print(str(r), bool(r))
for p in r.problems:
    print(p.what, p.path, p.detail != "")
healed = verify("source", heal = True)
print(sorted([p.path for p in healed.problems if p.what == "healed"]), [p.path for p in healed.problems if p.what == "unhealed"])
`, `
<Report: 4 problems> False
mtime . True
mtime a True
content a True
missing c True
[".", "a"] ["c"]
`)
	if last := l.session.Reports(); last[len(last)-1].OK() || last[0].OK() != true || last[0].Snapshot.Ref() != snap.Ref() {
		t.Errorf("the session has the reports %v", last)
	}
	for _, tt := range []struct{ name, src, want string }{
		{"Nothing", `verify()`, "test.star:1:7: verify: missing argument for snapshot"},
		{"NoSuch", `verify("nothing")`, `test.star:1:7: no such snapshot: "nothing"`},
		{"Type", `verify(scan(SOURCE))`, "got Scan, want a snapshot, its path or its number"},
		{"Sample", `verify("source", sample = 2)`, "test.star:1:7: verify: sample is 2, want a share from 0 to 1"},
		{"SampleType", `verify("source", sample = "0.1")`, "verify: sample is a string, want a number from 0 to 1"},
		{"SampleNaN", `verify("source", sample = float("nan"))`, "verify: sample is NaN, want a share from 0 to 1"},
		{"Fast", `verify("source", fast = 1)`, `verify: for parameter "fast": got int, want bool`},
		{"Misspelt", `verify("source", deep = True)`, `verify: unexpected keyword argument "deep"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.fails(tt.src, tt.want)
		})
	}
}

func TestAdd(t *testing.T) {
	l := newLab(t, "a", "content", "b", "content")
	l.run(`link(scan(SOURCE))`, "")
	by := filepath.Join(l.root, "by hand", "2001-02-03-040506")
	l.must(os.CopyFS(by, os.DirFS(l.source)))
	l.run(`
r = add()
print(r.ok, [(s.name, s.stamp, s.files) for s in r.added], r.files, r.read, r.snapshot)
print(r.added[0] == snapshot("by hand"), r.added[0].time.year, r.added[0].id == snapshot("by hand").id)
print(add("by hand").added, add(path = None).added)
`, `
True [("by hand", "2001-02-03-040506", 2)] 2 2 None
True 2001 True
[] []
`)
	for _, tt := range []struct{ name, src, want string }{
		{"Outside", `add(SOURCE)`, "test.star:1:4: add: source is not a folder NAME or NAME/FOLDER below the backup root"},
		{"Missing", `add("nowhere")`, "there is no such folder"},
		{"Type", `add(1)`, "add: for parameter path: got int, want a string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.fails(tt.src, tt.want)
		})
	}
	if _, ok := any(l.session.Reports()[0]).(*engine.Report); !ok || len(l.session.Reports()) != 3 {
		t.Errorf("the session has the reports %v", l.session.Reports())
	}
}
