package serve

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"phlb/engine/catalog/ask"
)

func TestSQL(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.txt", "one", "caf\xe9", "three")
	s.backup()
	s.serve()
	page := s.get("/sql")
	for _, table := range ask.Tables() {
		s.wants(page, "<summary>"+table.Name)
		s.get("/sql?q=" + url.QueryEscape(table.Example)) // as it stands
	}
	question := "/sql?q=" + url.QueryEscape("SELECT path, size FROM files WHERE size > 0 ORDER BY size DESC")
	s.wants(s.get(question), `<th scope="col"><bdi>path</bdi></th>`, "<bdi>a.txt</bdi>", `<td class="n">3</td>`, `&#34;caf\xe9&#34;`)
	s.lacks(s.get(question), "caf\xe9")
	var answer sqlPage
	s.must(json.Unmarshal([]byte(s.get(question, "Accept", "application/json")), &answer))
	if len(answer.Rows) != 2 || answer.Rows[0][1] != 5.0 || answer.Rows[0][0] != `"caf\xe9"` {
		t.Errorf("%+v", answer.Rows)
	}
	a := s.ask(s.client, question+"&format=csv")
	s.wants(a.Header.Get("Content-Type"), "text/csv")
	if a.body != "path,size\ncaf\xe9,5\na.txt,3\n" {
		t.Errorf("%q", a.body)
	}
	for _, wrong := range []string{"SELECT nothing FROM files", "DELETE FROM files", "SELECT 1; SELECT 2", "ATTACH '/etc/passwd' AS x", "SELEC", "CREATE TABLE x (y)"} {
		a := s.ask(s.client, "/sql?q="+url.QueryEscape(wrong))
		if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, `role="alert"`) {
			t.Errorf("%s: %s: %.200s", wrong, a.Status, between(a.body, "<main", "</main>"))
		}
	}
	s.wants(s.get("/sql?q="+url.QueryEscape("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1000) SELECT i FROM n")), "The first 500 rows")
	s.wants(s.get("/sql?q="+url.QueryEscape("SELECT '<script>alert(1)</script>'")), "&lt;script&gt;")
}
