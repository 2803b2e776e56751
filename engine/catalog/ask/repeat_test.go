package ask

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/manifest"
)

// TestRepeated asks what SQLite would read a table again and again for, and counts
// how often that happens.
func TestRepeated(t *testing.T) {
	t.Parallel()
	c, err := catalog.Open(filepath.Join(t.TempDir(), "catalog.ql"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for day := range 3 {
		s := catalog.Snapshot{
			Stamp:  fmt.Sprint(day),
			Header: manifest.Header{Name: "docs", Started: time.Unix(int64(day)*86400, 0)}, Summary: manifest.Summary{Finished: time.Unix(int64(day)*86400+9, 0)},
		}
		_, err := c.Absorb(t.Context(), &s, func(yield func(*manifest.Entry, error) bool) {
			for i := range 50 {
				size := int64(i)
				if i < 10 {
					size += int64(100 * day)
				}
				e := manifest.Entry{Path: fmt.Sprintf("file %02d", i), Kind: manifest.File, Size: size, Digest: manifest.Digest256([32]byte{byte(size), byte(size >> 8), 1})}
				if !yield(&e, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	reader, err := c.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(reader, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range []struct {
		question, want string
		most           int // times that tables are read
	}{
		{"SELECT count(*) FROM versions a JOIN versions b USING (path) WHERE a.size < b.size", "30", 2},
		{"SELECT count(*) FROM snapshots a NATURAL JOIN snapshots b", "3", 1},
		{"SELECT count(*) FROM versions a JOIN versions b USING (\"path\")", "130", 2},
		{"WITH v AS (SELECT path, size FROM versions) SELECT count(*) FROM v a JOIN v b USING (path)", "130", 2},
		{"SELECT count(*) FROM versions v JOIN snapshots s ON s.id = v.since WHERE s.stamp = '0'", "50", 2},
		{"SELECT count(*) FROM snapshots s LEFT JOIN versions v ON s.id = v.since", "70", 2},
		{"SELECT count(*) FROM files f JOIN contents c ON c.digest = f.digest", "50", 3},
		{"SELECT count(*) FROM versions v WHERE size > (SELECT avg(size) FROM versions w WHERE w.path = v.path)", "10", 2},
		{"SELECT count(*) FROM versions v WHERE NOT EXISTS (SELECT 1 FROM damage d WHERE d.digest = v.digest)", "70", 2},
		{"SELECT count(*) FROM versions WHERE digest IN (SELECT digest FROM versions WHERE size > 5)", "64", 2},
		{"SELECT count(*) FROM versions WHERE (path, size) IN (SELECT path, size FROM versions WHERE size > 5)", "64", 2},
		{"SELECT count(*) FROM versions WHERE path IN ('file 00', 'file 01', 'x')", "6", 1},
		{"SELECT count(*) FROM versions v WHERE v.path = 'file 00' OR v.path = 'file 01' OR path = 'x'", "6", 1},
		{"SELECT count(*) FROM history a, history b WHERE a.gone = b.first_seen AND a.path = b.path", "20", 2},
		{"SELECT count(*) FROM snapshots a, snapshots b, snapshots c", "27", 1},
		{"SELECT count(*) FROM snapshots s, at(s.started || '')", "150", 4},
		{"SELECT count(*) FROM main.versions a, main.versions b WHERE a.path = b.path AND a.path = 'file 00'", "9", 5},
	} {
		before := s.scanned
		rows, err := s.Query(t.Context(), tt.question)
		if err != nil {
			t.Errorf("%s: %v", tt.question, err)
			continue
		}
		var got []string
		for row, err := range rows.All() {
			if err != nil {
				t.Errorf("%s: %v", tt.question, err)
				break
			}
			got = append(got, fmt.Sprint(row...))
		}
		if got := strings.Join(got, "\n"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.question, got, tt.want)
		}
		if n := s.scanned - before; n > tt.most {
			t.Errorf("%s: tables were read %d times, want at most %d", tt.question, n, tt.most)
		}
	}
	if rows, err := s.Query(t.Context(), "SELECT name FROM temp.sqlite_master WHERE name NOT LIKE 'sqlite%'"); err != nil {
		t.Error(err)
	} else {
		for row := range rows.All() {
			t.Errorf("%v was left behind", row)
		}
	}
}
