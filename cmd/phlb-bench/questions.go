package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// A question is asked of phlb, and of SQLite about a file with the same rows.
type question struct {
	what   string
	sql    string
	wanted time.Duration
}

// questionsOf are about a history of which path is one.
func questionsOf(path string) []question {
	return []question{
		{"count", "SELECT count(*) FROM versions", 150 * time.Millisecond},
		{"by equal path", "SELECT size, mtime FROM versions WHERE path = " + quoted(path), 200 * time.Millisecond},
		{"by folder prefix", "SELECT count(*), sum(size) FROM versions WHERE path LIKE " + quoted(filepath.Dir(path)+"/%"), 200 * time.Millisecond},
		{"sizes of what lives", "SELECT sum(size) FROM versions WHERE until = 0", 300 * time.Millisecond},
		{"GROUP BY path, top 3", "SELECT path, count(*) AS n FROM versions GROUP BY path ORDER BY n DESC LIMIT 3", 3 * time.Second},
		{"contents, top 3", "SELECT path, versions FROM contents ORDER BY versions DESC LIMIT 3", 3 * time.Second},
		{"growth per day", "SELECT day, sum(bytes) FROM growth GROUP BY day ORDER BY day DESC LIMIT 3", 600 * time.Millisecond},
		{"all rows", "SELECT path, size, mtime, digest FROM versions", 0},
	}
}

func quoted(text string) string { return "'" + text + "'" } // no path has a quote

// mostMemory is what any question may take.
const mostMemory = 200 << 20

// ask measures questions to the catalog of a root.
func (f *figuring) ask(root, path string) error {
	file := filepath.Join(f.work, "exported.sqlite")
	row, err := f.run("phlb export", root, 1, nil, f.phlb, "export", file)
	if err != nil {
		return err
	}
	row.Wanted = "< 5 s"
	sqlite, _ := exec.LookPath("sqlite3")
	for _, q := range questionsOf(path) {
		what := "phlb query, " + q.what
		argv := []string{f.phlb, "query", "--csv", q.sql}
		if sqlite == "" {
			_, err = f.run(what, root, f.rounds, nil, argv...)
		} else {
			err = f.against(what, "sqlite3", nil, argv, nil, []string{sqlite, "-readonly", "-csv", file, q.sql}, root)
		}
		if err != nil {
			return err
		}
		row := &f.Figures[len(f.Figures)-1]
		if row.Wanted = "< " + size(mostMemory); q.wanted > 0 {
			row.Wanted = fmt.Sprintf("< %v, %s", q.wanted, row.Wanted)
		}
	}
	return nil
}

// askSmall measures the first answer of a root with next to nothing in it.
func (f *figuring) askSmall() error {
	h := &history{root: filepath.Join(f.work, "tiny"), name: "made", paths: 10, snapshots: 3, seed: f.seed}
	if err := h.write(f.ctx); err != nil {
		return err
	}
	if _, err := f.run("phlb add, a small root", h.root, 1, nil, f.phlb, "add"); err != nil {
		return err
	}
	return f.within(30*time.Millisecond, "phlb query, a small root", h.root, f.phlb, "query", "SELECT name, count(*) FROM versions GROUP BY name")
}
