package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExpectation(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		written any
		rows    int64
		first   any
		met     bool
	}{
		{nil, 0, nil, true}, {nil, 1, int64(0), false}, {"none", 1, nil, false}, {"some", 0, nil, false}, {"some", 1, nil, true},
		{"< 0.3", 1, 0.2, true}, {"<0.3", 1, 0.3, false}, {"<= 0.3", 1, 0.3, true}, {"> 3", 1, int64(4), true}, {">= 3", 1, int64(2), false},
		{"== 3", 1, int64(3), true}, {"= 3", 1, 3.0, true}, {"!= 3", 1, int64(3), false}, {"!= 3", 1, "three", true},
		{int64(3), 2, int64(3), true}, {0.5, 1, 0.25, false}, {true, 1, int64(1), true}, {false, 1, int64(1), false},
		{"ok", 1, "ok", true}, {"ok", 1, "failed", false}, {"ok", 1, int64(1), false}, {"!= ok", 1, "failed", true}, {"!= ok", 1, int64(1), true},
		{"< 0.3", 0, nil, true}, {"< 0.3", 1, nil, true}, // nothing to compare
		{"< 3", 1, "a text", false},
	} {
		e, err := ParseExpectation(test.written)
		if err != nil {
			t.Errorf("%v: %v", test.written, err)
		} else if e.Met(test.rows, test.first) != test.met {
			t.Errorf("%v: %d rows, first %v: met is %v", test.written, test.rows, test.first, !test.met)
		}
	}
	for _, wrong := range []any{"< many", []any{}, ">= ok"} {
		if e, err := ParseExpectation(wrong); err == nil {
			t.Errorf("%v is %v", wrong, e)
		}
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	load := func(text string) (*Config, error) {
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(Sources{Dir: dir, Home: dir})
	}
	c, err := load(`shrink = 0.5
[[check]]
name = "doc*"
query = "@changed-share"
expect = "< 0.3"
fail = true
message = "more than 30 % of the files changed"

[[check]]
query = "SELECT path FROM damage"
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Checks) != 2 || !c.Checks[0].Fail || c.Checks[0].Expect.String() != "< 0.3" || c.Checks[1].Expect.String() != "none" {
		t.Errorf("%+v", c.Checks)
	}
	if first := c.Checks[0]; !first.Of("documents") || first.Of("photos") || !c.Checks[1].Of("photos") {
		t.Errorf("%+v", first)
	}
	for text, want := range map[string]string{
		"[check]\nquery = \"SELECT 1\"\n": `:1: check 1: write [[check]], with two brackets`,
		"check = 3\n":                     `check 1: write [[check]]`,
		"check = [3]\n":                   `check 1: want a table, not an integer`,
		"[[check]]\nquery = \"SELECT 1\"\n\n[[check]]\n":  `:4: check 2: want a query`,
		"[[check]]\nquery = 1\n":                          `:1: check 1: query = 1: want a string`,
		"[[check]]\nquery = \"q\"\nexpect = \"< many\"\n": `expect = "< many": "< many" compares with "many", which is no number`,
		"[[check]]\nquery = \"q\"\nfail = 1\n":            `fail = 1: want true or false`,
		"[[check]]\nquery = \"q\"\nname = \"[a\"\n":       `name = "[a"`,
		"[[check]]\nquery = \"q\"\nexpects = 3\n":         `expects = 3: unknown key: a check has name, query, expect, fail and message`,
		"[[chekc]]\nquery = \"q\"\n":                      `did you mean check?`,
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n%v, want\n%s", text, err, want)
		}
	}
}
