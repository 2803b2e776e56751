package scripts_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"phlb/scripts"
)

const growth = `-- What it has cost.
-- More about that.
-- :name='it''s %' backup name
-- :days   how many
-- :least=1.5
-- :no=NULL one with
-- :top=-3
SELECT 1 -- :none is a parameter
-- :nor this
`

func TestQuestion(t *testing.T) {
	t.Parallel()
	q, err := scripts.ParseQuestion("growth", growth)
	if err != nil {
		t.Fatal(err)
	}
	want := []scripts.Param{
		{"name", "backup name", true, "it's %"}, {"days", "how many", false, nil}, {"least", "", true, 1.5},
		{"no", "one with", true, nil}, {"top", "", true, int64(-3)},
	}
	if q.Doc != "What it has cost." || q.Text != growth || !reflect.DeepEqual(q.Params, want) {
		t.Errorf("%+v", q)
	}
	if usage := q.Usage(); usage != "@growth [name] days [least] [no] [top]" {
		t.Error(usage)
	}
	bound, err := q.Bind([]any{"a", int64(7)}, map[string]any{"name": "b"}, map[string]any{"top": nil, "name": "c", "other": 1})
	if want := (map[string]any{"name": "b", "days": "a", "least": int64(7), "no": nil, "top": nil}); err != nil || !maps.Equal(bound, want) {
		t.Errorf("%v, %v", bound, err)
	}
	for _, test := range []struct {
		args  []any
		given map[string]any
		want  string
	}{
		{nil, nil, "question growth needs days, how many: phlb query @growth [name] days"},
		{[]any{1, 2, 3, 4, 5, 6}, nil, "question growth has no place for 6: phlb query @growth [name]"},
		{nil, map[string]any{"day": 1}, "question growth has no parameter day: phlb query @growth"},
	} {
		if _, err := q.Bind(test.args, test.given, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, %v: %v, want %s", test.args, test.given, err, test.want)
		}
	}
}

func TestQuestionErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"-- a\n-- :1x\n":        `":1x" is no parameter`,
		"-- a\n-- :x=a what\n":  "parameter x: a is neither a number nor NULL nor a text in single quotes",
		"-- a\n-- :x='a what\n": "is no parameter",
		"-- a\n-- :x\n-- :x\n":  "there are two parameters x",
	} {
		if _, err := scripts.ParseQuestion("q", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzParseQuestion holds that no text is too odd to be read or refused.
func FuzzParseQuestion(f *testing.F) {
	f.Add(growth)
	f.Add("--\n-- :='")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := scripts.ParseQuestion("q", text)
		if err == nil && (q.Doc == "" || q.Text != text) {
			t.Errorf("%+v", q)
		}
	})
}
