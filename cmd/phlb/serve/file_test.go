package serve

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/cmd/phlb/serve/address"
	"phlb/cmd/phlb/serve/words"
)

func TestDownload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	content := strings.Repeat("0123456789", 50_000)
	s.write("d/file.bin", content, "page.html", "<script>alert(1)</script>", "image.svg", "<svg/>", "doc.pdf", "%PDF-1.7")
	made := s.backup()
	s.serve()
	if got := s.get(of("raw", made, "d/file.bin")); got != content {
		t.Errorf("%d bytes", len(got))
	}
	a := s.ask(s.client, of("raw", made, "d/file.bin"), "Range", "bytes=499990-")
	if a.StatusCode != http.StatusPartialContent || a.body != "0123456789" {
		t.Errorf("the end: %s, %q", a.Status, a.body)
	}
	a = s.ask(s.client, of("raw", made, "d/file.bin"), "If-None-Match", a.Header.Get("ETag"))
	if a.StatusCode != http.StatusNotModified {
		t.Errorf("what is known already: %s", a.Status)
	}
	// What could run is handed out to be stored, whatever is asked for.
	a = s.ask(s.client, of("raw", made, "page.html")+"?show=1")
	s.wants(a.Header.Get("Content-Type"), "application/octet-stream")
	s.wants(a.Header.Get("Content-Disposition"), "attachment")
	s.wants(a.Header.Get("Content-Security-Policy"), "sandbox")
	a = s.ask(s.client, of("raw", made, "image.svg")+"?show=1")
	s.wants(a.Header.Get("Content-Type"), "image/svg+xml")
	s.wants(a.Header.Get("Content-Security-Policy"), "sandbox", "default-src 'none'")
	a = s.ask(s.client, of("raw", made, "doc.pdf")+"?show=1")
	s.wants(a.Header.Get("Content-Type"), "application/pdf")
	s.wants(a.Header.Get("Content-Security-Policy"), "default-src 'none'", "frame-ancestors 'self'")
}

// TestLargeFile takes parts of a file of 5 GB, nearly all of it a hole.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads 5 GB of zeros")
	}
	s := newSite(t)
	const large = 5_000_000_000
	path := filepath.Join(s.source, "disk.img")
	f, err := os.Create(path)
	s.must(err)
	_, err = f.WriteAt([]byte("the end"), large-7)
	s.must(err)
	s.must(f.Close())
	s.must(os.Chtimes(path, s.now.Add(-time.Hour), s.now.Add(-time.Hour)))
	made := s.backup()
	if info, err := os.Stat(filepath.Join(made.Path, "disk.img")); err != nil || info.Size() != large {
		t.Skipf("the file system has no such files: %v", err)
	}
	s.serve()
	for _, c := range []struct{ ask, want, is string }{
		{"bytes=4999999993-", "the end", "bytes 4999999993-4999999999/5000000000"},
		{"bytes=-3", "end", "bytes 4999999997-4999999999/5000000000"},
		{"bytes=4294967296-4294967299", "\x00\x00\x00\x00", "bytes 4294967296-4294967299/5000000000"},
	} {
		a := s.ask(s.client, of("raw", made, "disk.img"), "Range", c.ask)
		if a.StatusCode != http.StatusPartialContent || a.body != c.want || a.Header.Get("Content-Range") != c.is {
			t.Errorf("%s: %s, %q, %s", c.ask, a.Status, a.body, a.Header.Get("Content-Range"))
		}
	}
	if a := s.ask(s.client, of("raw", made, "disk.img"), "Range", "bytes=5000000000-"); a.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("past the end: %s", a.Status)
	}
	s.wants(s.get(of("browse", made, "disk.img")), "5,000,000,000", "it is no text")
}

// TestRottenDownload ends a download early whose content is not what was stored.
func TestRottenDownload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("d/a.bin", strings.Repeat("x", 500_000))
	made := s.backup()
	s.serve()
	file := filepath.Join(made.Path, "d/a.bin")
	info, err := os.Stat(file)
	s.must(err)
	s.must(os.WriteFile(file, []byte(strings.Repeat("y", 500_000)), 0o644))
	s.must(os.Chtimes(file, info.ModTime(), info.ModTime()))
	for _, path := range []string{of("raw", made, "d/a.bin"), of("archive", made, "d"), of("archive", made, "d") + "?format=zip"} {
		if a := s.ask(s.client, path); a.err == nil && a.StatusCode == http.StatusOK {
			t.Errorf("%s: %d bytes, and no error", path, len(a.body))
		}
	}
	s.wants(s.log.String(), "ends early", "not what was stored")
}

// TestArchive unpacks a folder, and holds it against the source.
func TestArchive(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"tar", "rsync"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: apt-get install %s", tool, tool)
		}
	}
	s := newSite(t)
	s.write("d/a", "1", "d/deep/b", "2", "d/deep/c", "3", "other", "4")
	s.must(os.Symlink("../other", filepath.Join(s.source, "d/link")))
	s.must(os.Link(filepath.Join(s.source, "d/a"), filepath.Join(s.source, "d/hard")))
	s.must(os.Chmod(filepath.Join(s.source, "d/deep/b"), 0o640))
	for _, name := range odd {
		s.write("d/odd/"+name, name)
	}
	made := s.backup()
	s.serve()
	out := t.TempDir()
	unpack := exec.Command("tar", "-xpf", "-", "-C", out)
	unpack.Stdin = strings.NewReader(s.get(of("archive", made, "d")))
	if text, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, text)
	}
	if text, err := exec.Command("diff", "-r", "--no-dereference", s.source+"/d", out+"/d").CombinedOutput(); err != nil {
		t.Errorf("diff: %v: %s", err, text)
	}
	if text, err := exec.Command("rsync", "-anH", "--delete", "-i", s.source+"/d/", out+"/d/").CombinedOutput(); err != nil || len(text) > 0 {
		t.Errorf("rsync finds a difference: %v: %s", err, text)
	}
	a := s.ask(s.client, of("archive", made, "d")+"?format=zip&pick=a&pick=deep")
	s.wants(a.Header.Get("Content-Disposition"), "d-"+made.Stamp+".zip")
	in, err := zip.NewReader(strings.NewReader(a.body), int64(len(a.body)))
	s.must(err)
	var names []string
	for _, f := range in.File {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "a deep/ deep/b deep/c" {
		t.Errorf("in the zip: %s", got)
	}
	f, err := in.Open("deep/b")
	s.must(err)
	if text, err := io.ReadAll(f); string(text) != "2" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if a := s.ask(s.client, of("archive", made, "d")+"?format=rar"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("another format: %s", a.Status)
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("one", "twice in it", "two", "twice in it", "alone", "x")
	s.backup()
	s.serve()
	s.wants(s.get("/contents"), "<bdi>one</bdi>", `<td class="n">2</td>`, "/contents/"+s.entry("one"), "11\u00a0B could be saved")
	s.wants(s.get("/contents/"+s.entry("one")), "<bdi>one</bdi>", "<bdi>two</bdi>")
	for address, status := range map[string]int{"/contents/" + strings.Repeat("0", 64): http.StatusNotFound, "/contents/zz": http.StatusBadRequest} {
		if a := s.ask(s.client, address); a.StatusCode != status {
			t.Errorf("%s: %s", address, a.Status)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("note.txt", "first line\nshared\n")
	first := s.backup()
	s.backup()
	s.write("note.txt", "another line\nshared\n")
	third := s.backup()
	s.remove("note.txt")
	s.backup()
	s.write("note.txt", "first line\nshared\n")
	fifth := s.backup()
	s.serve()
	page := s.get(of("browse", fifth, "note.txt"))
	s.wants(page, "shown here", "in 2 snapshots", "What changed then", of("raw", third, "note.txt"), "first line\nshared\n")
	if n := strings.Count(page, "/raw/docs/"); n != 4 { // the button, and three versions
		t.Errorf("%d downloads", n)
	}
	changes := s.get(string(address.Diff("docs", "note.txt", first.Stamp, third.Stamp)))
	s.wants(changes, "<code>first line</code>", "<code>another line</code>", `class="removed"`, `class="added"`, `class="same"`)
	s.wants(s.get(string(address.Diff("docs", "note.txt", first.Stamp, fifth.Stamp))), "The content of both is the same")
	s.wants(s.get("/compare?a=docs/"+first.Stamp+"&b=docs/"+third.Stamp), "note.txt", "Lines")
	s.wants(s.get("/search?q=NOTE"), "note.txt", `<td class="n wide">3</td>`)
	s.wants(s.get("/search?q=*.txt&gone=1"), "Nothing is called so")
	s.must(os.WriteFile(filepath.Join(s.source, "new"), nil, 0o644))
	s.wants(s.get("/compare?a=docs/"+fifth.Stamp+"&b=live"), "<bdi>new</bdi>")
}

// TestQuote has a shell read what the pages offer.
func TestQuote(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash: apt-get install bash")
	}
	for _, word := range append(odd, "plain", "with space", "$HOME", "`id`", "a'b", "-n") {
		got, err := exec.Command("bash", "-c", "printf %s "+words.Quote(word)).Output()
		if err != nil || !bytes.Equal(got, []byte(word)) {
			t.Errorf("%q became %q as %s: %v", word, got, words.Quote(word), err)
		}
	}
}

// TestWhileBackedUp has several ask at once, while a backup runs.
func TestWhileBackedUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 300 {
		s.write(fmt.Sprintf("d%d/f%d", i%7, i), strings.Repeat(fmt.Sprint(i), 100))
	}
	made := s.backup()
	s.serve()
	paths := []string{"/", of("browse", made, "."), of("browse", made, "d1"), "/search?q=f1", of("archive", made, "d2"), of("space", made, "."), "/state", "/runs", "/metrics"}
	done := make(chan error)
	for range 2 { // browsers
		go func() {
			var err error
			for range 3 {
				for _, path := range paths {
					answer, failed := s.client.Get(s.http.URL + path)
					if failed == nil {
						_, failed = io.Copy(io.Discard, answer.Body)
						answer.Body.Close()
						if answer.StatusCode != http.StatusOK {
							failed = fmt.Errorf("%s: %s", path, answer.Status)
						}
					}
					if err == nil {
						err = failed
					}
				}
			}
			done <- err
		}()
	}
	for i := range 3 {
		s.write("new", fmt.Sprint(i))
		s.backup()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
