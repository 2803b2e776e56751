package scripts_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"phlb/engine/config"
	"phlb/runtime"
	"phlb/scripts"
)

func guard(expression string) (string, error) {
	host := &runtime.Host{Modules: map[string]*runtime.Module{"std": {Label: "@std", Files: scripts.FS}}, Now: time.Unix(0, 0)}
	source := fmt.Sprintf("load(\"@std//guard.star\", \"changed\", \"dumps\", \"emptied\")\ndef main():\n    return %s\n", expression)
	script, err := host.LoadSource(context.Background(), "test.star", []byte(source))
	if err != nil {
		return "", err
	}
	v, err := script.Call(context.Background(), nil, nil)
	if err != nil {
		return "", err
	}
	return v.String(), nil
}

func TestGuard(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`changed()`:                  `{"sql": "@changed-share", "expect": "<= 0.3", "message": "more than 30 % of the files changed"}`,
		`changed(most = 0.125)`:      `{"sql": "@changed-share", "expect": "<= 0.125", "message": "more than 12.5 % of the files changed"}`,
		`emptied()`:                  `{"sql": "@emptied", "expect": "none", "message": "a folder became empty"}`,
		`dumps(least = 1)`:           `{"sql": "@dump-share", "glob": "*.sql*", "expect": ">= 1", "message": "no new dump (*.sql*) has 100 % of the size of the one before"}`,
		`dumps("db/*.dump")["glob"]`: `"db/*.dump"`,
	} {
		if got, err := guard(expression); err != nil || got != want {
			t.Errorf("%s: %s, %v, want\n%s", expression, got, err, want)
		}
	}
	for expression, want := range map[string]string{
		`changed(most = 30)`:    "changed: most = 30: want a share from 0 to 1, such as 0.3",
		`changed(most = "all")`: `changed: most = "all": want a share from 0 to 1`,
		`dumps(least = -1)`:     "dumps: least = -1: want a share from 0 to 1",
	} {
		if _, err := guard(expression); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", expression, err, want)
		}
	}
	for _, share := range []string{"0.3", "0.00001", "1"} { // however Starlark writes a number
		expect, err := guard(`changed(most = ` + share + `)["expect"]`)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := config.ParseExpectation(strings.Trim(expect, `"`)); err != nil || e.OnlyRows() {
			t.Errorf("%s: %v, %v", expect, e, err)
		}
	}
}

// TestStockQuestions holds that each says what it asks and what its parameters are.
func TestStockQuestions(t *testing.T) {
	t.Parallel()
	names := scripts.Questions()
	if len(names) < 12 {
		t.Errorf("only %q", names)
	}
	for _, name := range names {
		source, err := scripts.FS.ReadFile(name + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		q, err := scripts.ParseQuestion(name, string(source))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(q.Doc, ".") {
			t.Errorf("%s: %q", name, q.Doc)
		}
		for _, p := range q.Params {
			if p.Doc == "" || !strings.Contains(q.Text[strings.Index(q.Text, "\nSELECT"):]+q.Text, ":"+p.Name) {
				t.Errorf("%s: parameter %+v", name, p)
			}
		}
	}
}
