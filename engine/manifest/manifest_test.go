package manifest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"pgregory.net/rapid"
)

var header = Header{
	Name: "documents", Source: "/home/ann/My\nDocs", Host: "laptop", Boot: "b00t", Match: "permissions",
	Started: time.Date(2026, 11, 22, 10, 45, 0, 5, time.UTC), Tags: []string{"a", "b\\c"},
}

// odd are names that any byte but a slash and NUL may be part of.
var odd = []string{
	"plain", " lead", "trail ", "#hash", "-dash", "*star", "back\\slash", "new\nline", "return\r", "\r",
	"\\", "\\n", "invalid\xff\xfe", "quote\"'", "tab\t", "ünï", "x=y", "..", "...", "\x01\x7f%20", "#f 644",
}

func write(t testing.TB, h Header, entries []Entry, s Summary) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out, h)
	for i := range entries {
		if err := w.Write(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(s); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(data []byte) (Header, []Entry, *Summary, error) {
	r, err := NewReader(bytes.NewReader(data))
	return drain(r, err)
}

func drain(r *Reader, err error) (Header, []Entry, *Summary, error) {
	if err != nil {
		return Header{}, nil, nil, err
	}
	var entries []Entry
	for e, err := range r.Entries() {
		if err != nil {
			return r.Header, entries, nil, err
		}
		entries = append(entries, *e)
	}
	return r.Header, entries, r.Summary(), nil
}

func zip(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unzip(t testing.TB, data []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// entries draws a tree's worth of entries in order, with digests by an algorithm.
func entries(t *rapid.T, by Algorithm) []Entry {
	component := rapid.OneOf(rapid.SampledFrom(odd), rapid.StringMatching(`[a-c./]{1,3}`), rapid.StringN(1, 4, 8)).
		Filter(func(s string) bool { return ValidPath(s) && !strings.Contains(s, "/") && s != "." })
	stamp := rapid.Custom(func(t *rapid.T) Time {
		return Time{rapid.Int64().Draw(t, "sec"), rapid.Uint32Range(0, 999_999_999).Draw(t, "nsec")}
	})
	permissions := rapid.Custom(func(t *rapid.T) Permissions {
		return Permissions{rapid.Uint32Range(0, 0o7777).Draw(t, "mode"), rapid.Uint32().Draw(t, "uid"), rapid.Uint32().Draw(t, "gid")}
	})
	one := rapid.Custom(func(t *rapid.T) Entry {
		e := Entry{
			Path:        strings.Join(rapid.SliceOfN(component, 1, 4).Draw(t, "path"), "/"),
			Kind:        rapid.SampledFrom([]Kind{File, File, Dir, Symlink, Fifo, Socket, BlockDevice, CharDevice}).Draw(t, "kind"),
			Permissions: permissions.Draw(t, "permissions"),
			Size:        rapid.Int64Range(0, 1<<62).Draw(t, "size"),
			Mtime:       stamp.Draw(t, "mtime"),
			Ctime:       stamp.Draw(t, "ctime"),
			Inode:       rapid.Uint64().Draw(t, "inode"),
			Group:       rapid.Int64Range(0, 3).Draw(t, "group"),
			Racy:        rapid.Bool().Draw(t, "racy"),
			Absent:      rapid.Bool().Draw(t, "absent"),
		}
		if !e.Absent && rapid.Bool().Draw(t, "shared") {
			e.Stored = &Stored{permissions.Draw(t, "stored"), stamp.Draw(t, "stored mtime")}
		}
		for range rapid.IntRange(0, 2).Draw(t, "xattrs") {
			e.Xattrs = append(e.Xattrs, Xattr{rapid.StringN(1, 5, 9).Draw(t, "name"), rapid.String().Draw(t, "value")})
		}
		switch e.Kind {
		case File:
			if !e.Absent {
				e.Digest, _ = DigestOf(rapid.SliceOfN(rapid.Byte(), by.Size(), by.Size()).Draw(t, "digest"))
			}
			e.Size %= 1 << 50 // their sum is counted
		case Symlink:
			e.Target = rapid.SampledFrom(odd).Draw(t, "target")
		case BlockDevice, CharDevice:
			e.Major, e.Minor = rapid.Uint32().Draw(t, "major"), rapid.Uint32().Draw(t, "minor")
		}
		return e
	})
	list := rapid.SliceOfN(one, 0, 20).Draw(t, "entries")
	slices.SortFunc(list, func(a, b Entry) int { return Compare(&a, &b) })
	return slices.CompactFunc(list, func(a, b Entry) bool { return Compare(&a, &b) == 0 })
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		header := header
		header.Hash = rapid.SampledFrom(Algorithms).Draw(rt, "hash")
		want := entries(rt, header.Hash)
		s := Summary{Finished: header.Started, Unchanged: 1, Linked: 2, New: 3, NewBytes: 4, Skipped: 5, Errors: 6}
		data := write(t, header, want, s)
		h, got, sum, err := read(data)
		if err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(h, header) {
			rt.Fatalf("header: got %+v, want %+v", h, header)
		}
		if !slices.EqualFunc(got, want, func(a, b Entry) bool { return reflect.DeepEqual(a, b) }) {
			rt.Fatalf("entries: got %+v, want %+v", got, want)
		}
		s.Entries = int64(len(want))
		for _, e := range want {
			if e.Kind == File && !e.Absent {
				s.Files++
				s.Bytes += e.Size
			}
		}
		if *sum != s {
			rt.Fatalf("summary: got %+v, want %+v", *sum, s)
		}
		if cut := rapid.IntRange(0, len(data)-1).Draw(rt, "cut"); cut < len(data) {
			if _, _, _, err := read(data[:cut]); !errors.Is(err, ErrCutOff) {
				rt.Fatalf("cut off at %d of %d: %v", cut, len(data), err)
			}
		}
	})
}

func TestCutOffKeepsWholeMembers(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, header)
	for i := range 3 {
		if err := w.Write(&Entry{Path: fmt.Sprint("f", i), Kind: File}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	_, got, sum, err := read(out.Bytes()[:out.Len()-40])
	if len(got) != 2 || sum != nil || !errors.Is(err, ErrCutOff) {
		t.Errorf("read %d entries, summary %v, error %v; want the two of the whole members and %v", len(got), sum, err, ErrCutOff)
	}
}

func TestWriter(t *testing.T) {
	t.Run("ErrOrder", func(t *testing.T) {
		w := NewWriter(io.Discard, header)
		defer w.Abort()
		if err := w.Write(&Entry{Path: "b", Kind: File}); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&Entry{Path: "a", Kind: File}); err == nil {
			t.Error("an entry out of order was taken")
		}
	})
	t.Run("ErrAlgorithm", func(t *testing.T) {
		for _, by := range Algorithms {
			h := header
			h.Hash = by
			for _, other := range Algorithms {
				w := NewWriter(io.Discard, h)
				err := w.Write(&Entry{Path: "a", Kind: File, Digest: digestBy(other, "a")})
				if (err == nil) != (other == by) {
					t.Errorf("a digest by %v in a manifest by %v: %v", other, by, err)
				}
				if err := w.Write(&Entry{Path: "b", Kind: File, Absent: true}); err != nil {
					t.Errorf("a file without a digest in a manifest by %v: %v", by, err)
				}
				w.Abort()
			}
		}
	})
	t.Run("ErrDestination", func(t *testing.T) {
		full := errors.New("full")
		w := NewWriter(failing{full}, header)
		if err := w.Close(Summary{}); !errors.Is(err, full) {
			t.Errorf("got %v, want %v", err, full)
		}
	})
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestReader(t *testing.T) {
	good := unzip(t, write(t, header, []Entry{{Path: ".", Kind: Dir}, {Path: "a", Kind: File, Size: 3}}, Summary{}))
	for _, c := range []struct{ name, old, new, want string }{
		{"ErrAlgorithm", "# match:", "# hash: sha3-512\n# match:", `digests by "sha3-512": manifest was written by a newer phlb`},
		{"ErrOtherHash", "# match:", "# hash: sha512\n# match:", "is not a hash line of sha512"},
		{"OKSameHash", "# match:", "# hash: sha256\n# match:", ""},
		{"ErrMagic", "# phlb manifest 1", "# something else", "not the start"},
		{"ErrVersion", "# phlb manifest 1", "# phlb manifest 99", "newer phlb"},
		{"ErrCount", "entries=2", "entries=3", "closes with"},
		{"ErrTail", "bytes=3\n", "bytes=3\nmore\n", "after the closing line"},
		{"ErrKind", "#d ", "#q ", "no such kind"},
		{"ErrMode", "#d 0 ", "#d 9 ", "not a number"},
		{"ErrRange", "#d 0 ", "#d 77777 ", "out of range"},
		{"ErrTime", " 0 0 0 0 .", " 0 -9223372036854775809 0 0 .", "out of range"},
		{"ErrHash", "00  ./a", "0g  ./a", "hash line"},
		{"ErrPath", "  ./a", "  ./../a", "not one below"},
		{"ErrAbsolute", "  ./a", "  /a", "not one below"},
		{"ErrOrder", "0 .\n", "0 ./z\n", "does not come after"},
		{"OKUnknownHeader", "# host:", "# colour: blue\n# host:", ""},
		{"OKUnknownOption", "0 .\n", "0 later=1 .\n", ""},
		{"OKUnknownFooter", "# errors:", "# later: 1\n# errors:", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatalf("%q does not occur in\n%s", c.old, good)
			}
			_, _, _, err := read(zip(t, text))
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	t.Run("ErrNotGzip", func(t *testing.T) {
		if _, err := NewReader(strings.NewReader("garbage that is longer than a header")); err == nil {
			t.Error("garbage was taken for a manifest")
		}
	})
	t.Run("OKLongLine", func(t *testing.T) {
		want := Entry{Path: "a", Kind: File, Xattrs: []Xattr{{"user.big", strings.Repeat("v", 300<<10)}}}
		_, got, _, err := read(write(t, header, []Entry{want}, Summary{}))
		if err != nil || !reflect.DeepEqual(got[0], want) {
			t.Errorf("a long line did not survive: %v", err)
		}
	})
}

func TestCompare(t *testing.T) {
	want := []Entry{
		{Path: ".", Kind: Dir},
		{Path: "b", Kind: File}, {Path: "d", Kind: Symlink},
		{Path: "a", Kind: Dir}, {Path: "a/z", Kind: File},
		{Path: "a/b", Kind: Dir}, {Path: "a/b/c", Kind: File},
		{Path: "a-b", Kind: Dir}, {Path: "a.b", Kind: Dir}, {Path: "ab", Kind: Dir},
	}
	for i := range want {
		for j := range want {
			got := Compare(&want[i], &want[j])
			if (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("Compare(%q, %q) = %d", want[i].Path, want[j].Path, got)
			}
		}
	}
}

// TestSha256sum has coreutils check what we write by each algorithm.
func TestSha256sum(t *testing.T) {
	for _, by := range Algorithms {
		t.Run(by.String(), func(t *testing.T) { checkSums(t, by) })
	}
}

// checkSums has the tool of an algorithm check a manifest, from inside of a tree whose
// names are as odd as names can be.
func checkSums(t *testing.T, by Algorithm) {
	sums := by.String() + "sum"
	for _, tool := range []string{"sh", "zcat", sums} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s on this machine", tool)
		}
	}
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	list := []Entry{{Path: ".", Kind: Dir}, {Path: "sub\n\\dir", Kind: Dir}, {Path: "sub\n\\dir/link", Kind: Symlink, Target: "gone\n"}}
	if err := os.MkdirAll(filepath.Join(tree, "sub\n\\dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range odd {
		if name == ".." {
			continue
		}
		for _, p := range []string{name, "sub\n\\dir/" + name} {
			if err := os.WriteFile(filepath.Join(tree, p), []byte(name), 0o644); err != nil {
				t.Skipf("this file system refuses the name %q: %v", name, err)
			}
			list = append(list, Entry{Path: p, Kind: File, Size: int64(len(name)), Digest: digestBy(by, name)})
		}
	}
	slices.SortFunc(list, func(a, b Entry) int { return Compare(&a, &b) })
	header := header
	header.Hash = by
	if err := os.WriteFile(filepath.Join(dir, "m"+by.Suffix()), write(t, header, list, Summary{}), 0o644); err != nil {
		t.Fatal(err)
	}
	check := func() (string, error) {
		cmd := exec.Command("sh", "-c", "zcat ../m"+by.Suffix()+" | "+sums+" --strict --warn -c -")
		cmd.Dir = tree
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := check()
	if err != nil || strings.Count(out, ": OK\n") != 2*(len(odd)-1) {
		t.Fatalf("%s -c: %v\n%s", sums, err, out)
	}
	if err := os.WriteFile(filepath.Join(tree, "plain"), []byte("plaio"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err = check(); err == nil || !strings.Contains(out, "./plain: FAILED") {
		t.Fatalf("%s -c did not find the flipped bit: %v\n%s", sums, err, out)
	}
}

// digestBy returns the digest of a text.
func digestBy(by Algorithm, text string) Digest {
	h := by.New()
	io.WriteString(h, text)
	return SumOf(by, h)
}

func FuzzReader(f *testing.F) {
	long := header
	long.Hash = SHA512
	f.Add([]byte(unzip(f, write(f, long, []Entry{{Path: "a", Kind: File, Digest: digestBy(SHA512, "")}}, Summary{}))))
	f.Add([]byte(unzip(f, write(f, header, []Entry{
		{Path: ".", Kind: Dir, Xattrs: []Xattr{{"user.a", "b"}}},
		{Path: "a\n", Kind: File, Size: 3, Stored: &Stored{}},
		{Path: "l", Kind: Symlink, Target: "a b"},
		{Path: "t", Kind: CharDevice, Major: 1, Minor: 3, Absent: true},
		{Path: "u\n", Kind: File, Size: 3, Absent: true},
		{Path: "v~1", Kind: File, Size: 3, SourceName: "V \n%"},
	}, Summary{}))))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, got, sum, err := drain(newReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		// What was accepted is written and read again without a change.
		h2, again, sum2, err := read(write(t, h, got, *sum))
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if !reflect.DeepEqual(h, h2) || !reflect.DeepEqual(got, again) || !reflect.DeepEqual(sum, sum2) {
			t.Fatalf("got %+v %+v %+v, then %+v %+v %+v", h, got, sum, h2, again, sum2)
		}
	})
}

func Example() {
	var file bytes.Buffer
	w := NewWriter(&file, Header{Name: "notes", Source: "/home/ann/notes"})
	if err := w.Write(&Entry{Path: "todo", Kind: File, Size: 2, Digest: Digest256(sha256.Sum256([]byte("x\n")))}); err != nil {
		fmt.Println(err)
	}
	if err := w.Close(Summary{}); err != nil {
		fmt.Println(err)
	}
	r, err := NewReader(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	for e, err := range r.Entries() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.Header.Name, e.Path, e.Digest.String()[:8])
	}
	// Output: notes todo 73cb3858
}
