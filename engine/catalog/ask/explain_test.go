package ask_test

import (
	"errors"
	"strings"
	"testing"

	"phlb/engine/catalog/ask"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	for _, tt := range []struct {
		question string
		want     string // the error
		at       string // what stands where the caret is
		near     string // what is said to be meant
	}{
		{"SELECT pth FROM versions", "1:8: there is no column pth", "pth", "path"},
		{"SELECT v.pth FROM versions v", "1:10: there is no column v.pth", "pth", "path"},
		{"SELECT 'é', pth FROM versions", "1:13: there is no column pth", "pth", "path"},
		{"SELECT path FROM versions GROUP BY nme", "1:36: there is no column nme", "nme", "name"},
		{"SELECT path\nFROM version", "2:6: there is no table version", "version", "versions"},
		{"SELECT * FROM foo.versions", "1:19: there is no table foo.versions", "versions", "versions"},
		{"SELECT path FROM versions WHERE hmuan(size) = 1", "1:33: there is no function hmuan", "hmuan", "human"},
		{"SELECT lengt(path) FROM versions", "1:8: there is no function lengt", "lengt", "length"},
		{"SELECT path FORM versions", "1:13: unexpected FORM", "FORM", "FROM"},
		{"SELECT path FROM versions WERE size > 3", "1:27: unexpected WERE", "WERE", "WHERE"},
		{"SELECT path FROM versions v size > 3", "1:29: unexpected size", "size", ""},
		{"SELEC path FROM versions", "1:1: unexpected SELEC", "SELEC", "SELECT"},
		{"SELECT path, FROM versions", "1:14: unexpected FROM", "FROM", ""},
		{"SELECT path FROM versions WHERE size >", "1:39: the statement is not complete", "", ""},
		{"SELECT path FROM versions WHERE (size > 3;", "1:42: the statement is not complete", ";", ""},
		{"SELECT path FROM versions WHERE path = 'x", "1:40: this text does not end: a single quote is missing", "'x", ""},
		{"SELECT [path FROM versions", "1:8: this name does not end", "[path", ""},
		{`SELECT path FROM versions WHERE kind = "f"`, "1:40: there is no column f: a text stands in single quotes, as in 'f'", `"f"`, ""},
		{"SELECT v.path FROM versions AS v, contents AS c WHERE until = 0", "1:55: until is a column of which table? Write TABLE.until, for several have it", "until", ""},
		{"SELECT human() FROM versions", "1:8: human() takes another number of arguments: human(bytes)", "human", ""},
		{"SELECT * FROM changes(1, 2, 3)", "1:15: changes() takes another number of arguments: at most changes(since, until)", "changes", ""},
		{"SELECT * FROM versions(1)", "1:15: versions is a table, and takes no arguments", "versions", ""},
		{"SELECT path FROM versions WHERE count(*) > 1", "1:33: count() is of all rows together, and cannot be told of one: behind GROUP BY, ask for it with HAVING", "count", ""},
		{"SELECT path FROM versions ORDER BY 5", "1st ORDER BY term out of range - should be between 1 and 1", "", ""},
		{"SELECT path FROM versions WHERE kind = 'f' && size > 3", "1:44: unexpected &&: in SQL, write AND", "&&", ""},
		{"SELECT path FROM versions WHERE !size", "1:33: unexpected !: in SQL, write NOT", "!", ""},
		{"SELECT path FROM versions WHERE size == 3 || (size == 4)", "", "", ""},
		{"SELECT path FROM versions WHERE size == 3 || size == 4", "1:43: || joins texts: between conditions, write OR", "||", ""},
		{"SELECT path FROM versions WHERE kind = 'f' AND path LIKE '[.]iso$'", "1:58: LIKE takes % for any characters and _ for one, and '[.]iso$' has none", "'[.]iso$'", ""},
		{"SELECT formatTime(started, 'x') FROM snapshots", "1:8: formatTime is a function of QL: in SQL, write strftime", "formatTime", ""},
		{"SELECT zeroblob(20000000)", "string or blob too big", "", ""},
		{"SELECT abs(-9223372036854775808)", "integer overflow", "", ""},
	} {
		rows, err := s.Query(t.Context(), tt.question)
		if err == nil {
			for _, err = range rows.All() {
			}
		}
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.question, err)
			}
			continue
		}
		var e *ask.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v\nwant %s", tt.question, err, tt.want)
			continue
		}
		if tt.at != "" && !strings.HasPrefix(e.Statement[e.At:], tt.at) {
			t.Errorf("%s: the caret is at %q", tt.question, e.Statement[e.At:])
		}
		_, near, _ := strings.Cut(strings.TrimSuffix(e.Msg, "?"), ": did you mean ")
		if near != tt.near {
			t.Errorf("%s: did you mean %q, want %q", tt.question, near, tt.near)
		}
	}
}

// TestRight asks what looks a little like what is refused.
func TestRight(t *testing.T) {
	t.Parallel()
	s := begin(t, lab(t))
	for _, question := range []string{
		"SELECT path FROM versions WHERE path = 'a' || 'b' AND kind = 'f'",
		"SELECT path || ' ' || size FROM versions WHERE size = 1",
		"SELECT path FROM versions WHERE 'a' || kind = path OR size = 3",
		"SELECT path FROM versions WHERE path LIKE 'a.txt'",
		"SELECT path FROM versions WHERE path LIKE '%.iso'",
		"SELECT path FROM versions WHERE path LIKE '100$_'",
		"SELECT path FROM versions WHERE path NOT LIKE 'x^y'",
		"SELECT CASE WHEN size = 1 THEN 'a' || 'b' ELSE kind || path END = 'x' FROM versions",
		"SELECT /* FORM; */ 1 -- a 'comment",
		"SELECT 1 AS \"a;b\", 'x;y' ; ",
	} {
		answer(t, s, question)
	}
}
