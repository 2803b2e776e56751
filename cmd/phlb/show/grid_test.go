package show

import (
	"iter"
	"strings"
	"testing"
	"time"
)

// written returns what rows look like in a mode.
func written(t *testing.T, l Layout, columns []string, rows ...[]any) string {
	t.Helper()
	var b strings.Builder
	all := iter.Seq2[[]any, error](func(yield func([]any, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	})
	total, hidden, err := Rows{columns, all}.Write(&b, l)
	if err != nil || total != len(rows) || hidden != 0 {
		t.Fatalf("%d rows, %d hidden: %v", total, hidden, err)
	}
	return b.String()
}

func TestGrid(t *testing.T) {
	t.Parallel()
	columns := []string{"path", "size", "mtime", "digest"}
	rows := [][]any{
		{"a|b_c.txt", int64(7), time.Date(2026, 11, 22, 9, 45, 0, 0, time.Local), []byte{0xab}},
		{"caf\xe9", int64(1234), nil, nil},
		{"漢字", int64(0), nil, nil},
	}
	for _, tt := range []struct {
		mode  string
		width int
		want  string
	}{
		{"table", 0, "" +
			"path       size  mtime                digest\n" +
			"a|b_c.txt     7  2026-11-22 09:45:00  ab\n" +
			"\"caf\\xe9\"  1234  NULL                 NULL\n" +
			"漢字          0  NULL                 NULL\n"},
		{"box", 0, "" +
			"┌───────────┬──────┬─────────────────────┬────────┐\n" +
			"│ path      │ size │ mtime               │ digest │\n" +
			"├───────────┼──────┼─────────────────────┼────────┤\n" +
			"│ a|b_c.txt │    7 │ 2026-11-22 09:45:00 │ ab     │\n" +
			"│ \"caf\\xe9\" │ 1234 │ NULL                │ NULL   │\n" +
			"│ 漢字      │    0 │ NULL                │ NULL   │\n" +
			"└───────────┴──────┴─────────────────────┴────────┘\n"},
		{"markdown", 20, "" + // it goes into a document, whatever the terminal
			"| path        | size | mtime               | digest |\n" +
			"|-------------|-----:|---------------------|--------|\n" +
			"| a\\|b\\_c.txt |    7 | 2026-11-22 09:45:00 | ab     |\n" +
			"| \"caf\\\\xe9\"  | 1234 | NULL                | NULL   |\n" +
			"| 漢字        |    0 | NULL                | NULL   |\n"},
		{"box", 49, "" + // where nothing fits, it is lines
			"  path  a|b_c.txt\n  size  7\n mtime  2026-11-22 09:45:00\ndigest  ab\n\n" +
			"  path  \"caf\\xe9\"\n  size  1234\n mtime  NULL\ndigest  NULL\n\n" +
			"  path  漢字\n  size  0\n mtime  NULL\ndigest  NULL\n"},
	} {
		if got := written(t, Layout{Mode: tt.mode, Width: tt.width}, columns, rows...); got != tt.want {
			t.Errorf("%s in %d columns:\n%swant\n%s", tt.mode, tt.width, got, tt.want)
		}
	}
}

// TestGridFits holds that no line of a box is wider than the terminal as long as
// cells can be shortened, and that there is a frame around nothing too.
func TestGridFits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("folder/", 30)
	got := written(t, Layout{Mode: "box", Width: 40}, []string{"path", "n"}, []any{long, int64(1)})
	for line := range strings.Lines(got) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n != 40 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if want := "┌───┐\n│ n │\n├───┤\n└───┘\n"; written(t, Layout{Mode: "box"}, []string{"n"}) != want {
		t.Errorf("a box around nothing is\n%s", written(t, Layout{Mode: "box"}, []string{"n"}))
	}
}

// TestGridLater holds that rows behind those that decide on the widths have all
// edges on a terminal, and are whole elsewhere.
func TestGridLater(t *testing.T) {
	t.Parallel()
	var rows [][]any
	for range batch + 1 {
		rows = append(rows, []any{"abc"})
	}
	rows[batch][0] = "abcdefghijklmnopqrstuvwxyz"
	for width, want := range map[int]string{60: "│ ab… │", 0: "│ abcdefghijklmnopqrstuvwxyz │"} {
		lines := strings.Split(written(t, Layout{Mode: "box", Width: width}, []string{"x"}, rows...), "\n")
		if last := lines[len(lines)-3]; last != want {
			t.Errorf("in %d columns a later row is %q, want %q", width, last, want)
		}
	}
}
