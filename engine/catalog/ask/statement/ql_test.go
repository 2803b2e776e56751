package statement

import (
	"strings"
	"testing"
)

func TestCheckQL(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("(", n) + "1" + strings.Repeat(")", n) }
	for _, test := range []struct{ name, statement, want string }{
		{"Plain", "SELECT path FROM versions WHERE size > 1 && path LIKE `a`;", ""},
		{"Deepest", "SELECT " + deep(1000), ""},
		{"TooDeep", "SELECT " + deep(1001), "1:1008: more than 1000 parentheses lie in each other"},
		{"Selects", strings.Repeat("SELECT * FROM (", 20_000) + "versions" + strings.Repeat(")", 20_000), "1:15015: more than 1000 parentheses"},
		{"Indices", "SELECT\n" + strings.Repeat("a[", 1001), "2:2002: more than 1000 parentheses"},
		{"Beside", "SELECT " + strings.Repeat("(1),", 5000) + "1", ""},
		{"Text", `SELECT "` + strings.Repeat("(", 2000) + `\"", 1`, ""},
		{"TextEnds", `SELECT "\\"` + deep(1001), "1:1012: more than"},
		{"RawText", "SELECT `" + strings.Repeat("(", 2000) + "`", ""},
		{"Raw", "SELECT `\\`" + deep(1001), "1:1011: more than"},
		{"Comments", "SELECT 1 -- don't " + strings.Repeat("(", 2000) + "\n/* don't " + strings.Repeat("(", 2000) + "*/ // \"" + strings.Repeat("(", 2000) + "\n", ""},
		{"AfterComment", "-- don't\nSELECT " + deep(1001), "2:1008: more than"},
		{"Terms", "SELECT 1 FROM versions WHERE " + strings.Repeat("size==1&&", 2500) + "true", ""},
		{"TooManyTerms", "SELECT 1 FROM versions WHERE " + strings.Repeat("size==1&&", 2501) + "true", "1:22534: more than 10000 operators"},
		{"Words", "SELECT 1 FROM versions WHERE " + strings.Repeat("a Or ", 10_001) + "b", "1:50032: more than 10000 operators"},
		{"NoWords", "SELECT " + strings.Repeat("orange, android, ", 10_001) + "b", ""},
		{"Values", "SELECT 1 FROM versions WHERE size IN (" + strings.Repeat("1, ", 100_000) + "1)", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := CheckQL(test.statement)
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
