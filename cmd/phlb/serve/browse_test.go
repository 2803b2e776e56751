package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"phlb/cmd/phlb/serve/words"
)

// TestMarks looks at a folder in which all has happened that can.
func TestMarks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("d/same", "1", "d/changed", "2", "d/gone", "3", "d/sub/deep", "4")
	first := s.backup()
	s.remove("d/gone")
	s.write("d/changed", "two", "d/added", "new", "d/sub/deep", "four")
	second := s.backup()
	s.serve()
	page := s.get(of("browse", second, "d"))
	for name, mark := range map[string]string{"added": "added", "changed": "changed", "gone": "removed", "sub": inside} {
		row := between(page, `<tr class="`+mark+`">`, "</tr>")
		s.wants(row, "<bdi>"+name+"</bdi>")
	}
	s.wants(between(page, "</tr></thead>", "<bdi>changed</bdi>"), "<bdi>added</bdi>")
	s.wants(page, of("browse", first, "d/gone"), `rel="prev" href="`+of("browse", first, "d")+`"`)
	s.lacks(s.get(of("browse", first, "d")), `class="added"`, "added</bdi>", `rel="prev"`)
	only := s.get(of("browse", second, "d") + "?changed=1")
	s.lacks(only, "<bdi>same</bdi>")
	s.wants(only, "<bdi>sub</bdi>", "<bdi>gone</bdi>")
	// A ghost leads to where it was; there, its versions are told.
	gone := s.get(of("browse", first, "d/gone"))
	s.wants(gone, "Download this version", of("raw", first, "d/gone"))
	s.wants(s.get(of("browse", second, "d/gone")), "This snapshot does not hold it")
	if a := s.ask(s.client, of("browse", second, "d/never")); a.StatusCode != http.StatusNotFound {
		t.Errorf("what never was: %s", a.Status)
	}
}

func between(text, start, end string) string {
	_, rest, _ := strings.Cut(text, start)
	found, _, _ := strings.Cut(rest, end)
	return found
}

// TestSorting asks for a folder in all orders, and for the pages of it.
func TestSorting(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 230 {
		s.write(fmt.Sprintf("d/file-%03d.%s", i, []string{"txt", "odt"}[i%2]), strings.Repeat("x", 1+(i*7)%231))
	}
	s.write("d/zoo/large", strings.Repeat("x", 5000))
	made := s.backup()
	s.serve()
	list := func(query string) *browsePage {
		var page browsePage
		s.must(json.Unmarshal([]byte(s.get(of("browse", made, "d")+query, "Accept", "application/json")), &page))
		return &page
	}
	page := list("")
	if len(page.Entries) != rowsShown || page.Entries[0].Name != "zoo" || page.Entries[1].Name != "file-000.txt" || page.Paging.Total != 231 || page.Paging.Pages != 3 {
		t.Errorf("%d entries from %s, %+v", len(page.Entries), page.Entries[0].Name, page.Paging)
	}
	if page = list("?sort=size&desc=1"); page.Entries[0].Name != "zoo" || page.Entries[0].Size != 5000 || page.Entries[0].Files != 1 || page.Entries[1].Size < page.Entries[2].Size {
		t.Errorf("by size: %+v", page.Entries[0])
	}
	if page = list("?sort=kind"); page.Entries[0].Name != "zoo" || !strings.HasSuffix(page.Entries[1].Name, ".odt") {
		t.Errorf("by kind: %+v", page.Entries[1])
	}
	if page = list("?page=3"); len(page.Entries) != 31 || page.Entries[30].Name != "file-229.odt" {
		t.Errorf("the last page has %d", len(page.Entries))
	}
	for _, query := range []string{"?page=99", "?page=-1", "?page=x", "?sort=nonsense", "?sort=mode", "?sort=mark&desc=1", "?sort=time"} {
		if page := list(query); len(page.Entries) == 0 {
			t.Errorf("%s shows nothing", query)
		}
	}
	seen := map[string]bool{}
	for n := 1; n <= 3; n++ {
		for _, e := range list(fmt.Sprintf("?sort=size&page=%d", n)).Entries {
			seen[e.Name] = true
		}
	}
	if len(seen) != 231 {
		t.Errorf("%d entries on all pages", len(seen))
	}
}

// odd are names that pages must show, and lead to.
var odd = []string{
	"<script>alert(1)", "new\nline", "caf\xe9", "\u202egnp.exe", "a&b=c?d#e%41 +", `quote"and'back\slash`, "{{.}}", "tab\there", "💾", "..x", "javascript:alert(1)", "\xff\xfe",
}

func TestOddNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, name := range odd {
		s.write("d/"+name, "content of "+name, "d/in "+name+"/x", name)
	}
	s.backup()
	s.write("d/"+odd[0], "other content")
	made := s.backup()
	s.serve()
	page := s.get(of("browse", made, "d"))
	s.lacks(page, "<script>alert", "\u202e", "caf\xe9", "\xff", "ZgotmplZ")
	s.wants(page, "&lt;script&gt;alert(1)</bdi>", `&#34;caf\xe9&#34;`, `&#34;\u202egnp.exe&#34;`, `&#34;new\nline&#34;`)
	var listed browsePage
	s.must(json.Unmarshal([]byte(s.get(of("browse", made, "d"), "Accept", "application/json")), &listed))
	if len(listed.Entries) != 2*len(odd) {
		t.Errorf("%d entries", len(listed.Entries))
	}
	for _, e := range listed.Entries { // what is listed leads on
		if !strings.Contains(html.UnescapeString(page), string(e.Address)) {
			t.Errorf("%s is not linked", e.Address)
		}
		s.get(string(e.Address))
	}
	for _, name := range odd {
		path := "d/" + name
		text := s.get(of("browse", made, path))
		s.lacks(text, "<script>alert", "\u202e", "caf\xe9", "\xff", "ZgotmplZ")
		if name != odd[0] {
			if got := s.get(of("raw", made, path)); got != "content of "+name {
				t.Errorf("%q: %q", path, got)
			}
		}
		a := s.ask(s.client, of("raw", made, path))
		if strings.ContainsAny(a.Header.Get("Content-Disposition"), "\n\r") || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%q: %q", name, a.Header.Get("Content-Disposition"))
		}
		if a.Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%q is sent as %s", name, a.Header.Get("Content-Type"))
		}
	}
	s.lacks(s.get("/search?q=a"), "<script>alert", "\u202e", "ZgotmplZ")
	s.lacks(s.get("/search?q=%3Cscript%3Ealert(1)%3C/script%3E"), "<script>alert")
	s.lacks(s.get(of("space", made, "d")), "<script>alert", "\u202e", "ZgotmplZ")
	s.lacks(s.get("/compare?a=docs/"+made.Stamp+"&b=docs/"+made.Stamp), "<script>alert")
}

// TestPathsInAddresses asks for what lies outside of a snapshot.
func TestPathsInAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("d/a", "1", "secret", "2")
	s.must(os.Symlink("/etc/passwd", filepath.Join(s.source, "d/link")))
	s.must(os.Symlink("..", filepath.Join(s.source, "d/up")))
	made := s.backup()
	s.serve()
	for _, path := range []string{
		"../root", "d/../../root", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc/passwd", "d%2f..%2f..%2fx", "/etc/passwd", "%2Fetc%2Fpasswd", "d//a", "a%00b", "./d", "d/%2e", "d/link/x", "d/up/secret",
	} {
		for _, kind := range []string{"browse", "raw", "archive", "space", "diff"} {
			address := "/" + kind + "/docs/" + made.Stamp + "/" + path
			a := s.ask(s.client, address)
			if a.StatusCode == http.StatusOK || strings.Contains(a.body, "root:x:") {
				t.Errorf("%s: %s: %.200s", address, a.Status, a.body)
			}
			if to, err := a.follow(); err == nil && !strings.HasPrefix(to, "/") {
				t.Errorf("%s leads to %s", address, to)
			}
		}
	}
	// The link itself is told of, and has no content.
	s.wants(s.get(of("browse", made, "d/link")), "/etc/passwd")
	if a := s.ask(s.client, of("raw", made, "d/link")); a.StatusCode != http.StatusBadRequest {
		t.Errorf("the content of a link: %s", a.Status)
	}
	for _, pick := range []string{"..", "../secret", "%2e%2e", "/etc", "", "%", "."} {
		a := s.ask(s.client, of("archive", made, "d")+"?pick="+strings.ReplaceAll(pick, "%", "%25"))
		if a.StatusCode != http.StatusBadRequest && a.StatusCode != http.StatusNotFound {
			t.Errorf("picking %q: %s", pick, a.Status)
		}
	}
	// Links of a snapshot that somebody swapped in.
	s.must(os.Remove(filepath.Join(made.Path, "d/a")))
	s.must(os.Symlink("/etc/passwd", filepath.Join(made.Path, "d/a")))
	if a := s.ask(s.client, of("raw", made, "d/a")); a.StatusCode != http.StatusConflict || strings.Contains(a.body, "root:x:") {
		t.Errorf("through a link: %s: %.100s", a.Status, a.body)
	}
}

// TestRemovedMeanwhile looks at a snapshot, and has it removed.
func TestRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a", "1", "gone", "2")
	first := s.backup()
	s.remove("gone")
	s.write("a", "two")
	s.backup()
	s.serve()
	for _, kind := range []string{"browse", "space"} {
		s.get(of(kind, first, "."))
	}
	_, err := s.engine(false).Remove(context.Background(), first)
	s.must(err)
	for _, path := range []string{
		of("browse", first, "."), of("browse", first, "a"), of("raw", first, "a"), of("archive", first, "."), of("space", first, "."), "/snapshots/docs/" + first.Stamp,
		"/compare?a=docs/" + first.Stamp + "&b=live", "/diff/docs/a?a=" + first.Stamp + "&b=latest",
	} {
		if a := s.ask(s.client, path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, a.Status)
		} else {
			s.wants(a.body, "What to do now")
		}
	}
	s.lacks(s.get("/search?q=gone"), "<td class=\"name")
	s.wants(s.get("/browse/docs/latest/"), "<bdi>a</bdi>")
}

func TestEmptyAndTiny(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.must(os.MkdirAll(filepath.Join(s.source, "empty"), 0o755))
	made := s.backup()
	s.serve()
	s.wants(s.get(of("browse", made, "empty")), "This folder is empty")
	s.wants(s.get(of("space", made, ".")), "Nothing here takes any room")
	s.wants(s.get("/runs?outcome=failed"), "No such run is known")
	s.wants(s.get("/search?q=nothing"), "Nothing is called so")
	s.wants(s.get("/search"), "Deleted files are found as well")
	s.wants(s.get("/compare"), "Choose two snapshots")
	s.wants(s.get("/compare?a=docs/"+made.Stamp+"&b=docs/"+made.Stamp), "There is no difference")
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a", "1")
	s.backup()
	s.serve()
	german := s.get("/", "Accept-Language", "de-AT,de;q=0.9,en;q=0.8")
	s.wants(german, `<html lang="de">`, "Sicherungen", "Dateien ansehen")
	s.wants(s.get("/", "Accept-Language", "fr,en;q=0.5"), `<html lang="en">`, "Backups")
	used := map[string]bool{}
	templates, err := files.ReadDir("templates")
	s.must(err)
	for _, f := range templates {
		text, err := files.ReadFile("templates/" + f.Name())
		s.must(err)
		for _, found := range regexp.MustCompile(`\bt (?:\$l|\.Lang) "([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
			used[found[1]] = true
		}
	}
	if len(used) < 100 {
		t.Errorf("%d texts in all templates", len(used))
	}
	for key := range used {
		if words.German[key] == "" {
			t.Errorf("%q has no German", key)
		}
	}
	for key, text := range words.German {
		if strings.Count(key, "%") != strings.Count(text, "%") {
			t.Errorf("%q has other values in German: %q", key, text)
		}
	}
}
