package show

import (
	"strings"
	"testing"
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
)

func TestTable(t *testing.T) {
	tab := Table{Columns: []Column{{Title: "NAME"}, {Title: "WHEN", Drop: 1}, {Title: "SIZE", Right: true, Drop: 2}, {Title: "STATUS"}}}
	tab.Add("documents", "now", "1 B", "ok")
	tab.Add("äöü", "then", "100 B", "bad")
	for _, tt := range []struct {
		name  string
		width int
		want  string
	}{
		{"AnyWidth", 0, "NAME       WHEN   SIZE  STATUS\ndocuments  now     1 B  ok\näöü        then  100 B  bad\n"},
		{"Fits", 30, "NAME       WHEN   SIZE  STATUS\ndocuments  now     1 B  ok\näöü        then  100 B  bad\n"},
		{"OneLess", 29, "NAME        SIZE  STATUS\ndocuments    1 B  ok\näöü        100 B  bad\n"},
		{"TwoLess", 20, "NAME       STATUS\ndocuments  ok\näöü        bad\n"},
		{"NothingMoreToDrop", 3, "NAME       STATUS\ndocuments  ok\näöü        bad\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := tab.Write(&b, tt.width); err != nil {
				t.Fatal(err)
			}
			if b.String() != tt.want {
				t.Errorf("wrote\n%swant\n%s", &b, tt.want)
			}
		})
	}
}

func TestTableCut(t *testing.T) {
	tab := Table{Columns: []Column{{Title: "WHAT", Words: true}, {Title: "PATH", Cut: Before}, {Title: "SIZE", Right: true, Drop: 2}, {Title: "DETAIL", Cut: Behind, Drop: 1}}}
	tab.Add("added", "Documents/2026/letters/to-the-bank.txt", "12 B", "")
	tab.Add("metadata", "a", "4 KiB", "mode 0644 → 0600, owner 0:0 → 1000:1000")
	for _, tt := range []struct {
		name  string
		width int
		want  []string
	}{
		{"Fits", 98, []string{
			"WHAT      PATH                                     SIZE  DETAIL",
			"added     Documents/2026/letters/to-the-bank.txt   12 B",
			"metadata  a                                       4 KiB  mode 0644 → 0600, owner 0:0 → 1000:1000"}},
		{"Cut", 60, []string{
			"WHAT      PATH                   SIZE  DETAIL",
			"added     …ers/to-the-bank.txt   12 B",
			"metadata  a                     4 KiB  mode 0644 → 0600, ow…"}},
		{"Dropped", 50, []string{
			"WHAT      PATH                                SIZE",
			"added     …nts/2026/letters/to-the-bank.txt   12 B",
			"metadata  a                                  4 KiB"}},
		{"AsSmallAsCanBe", 10, []string{"WHAT      PATH", "added     …to-the-bank.txt", "metadata  a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := tab.Write(&b, tt.width); err != nil {
				t.Fatal(err)
			}
			if want := strings.Join(tt.want, "\n") + "\n"; b.String() != want {
				t.Errorf("wrote\n%swant\n%s", &b, want)
			}
		})
	}
}

func TestGlossary(t *testing.T) {
	got := Glossary([][]string{{"here()", "the folder of the calling code"}, {"scan(root, skip_dirs=[], skip=[], where=None)", "the files of a directory"}}, 33)
	want := `here()     the folder of the
           calling code
scan(root, skip_dirs=[],
    skip=[], where=None)
           the files of a
           directory
`
	if got != want {
		t.Errorf("wrote\n%swant\n%s", got, want)
	}
}

func TestTableColours(t *testing.T) {
	tab := Table{Columns: []Column{{Title: "PATH"}, {Title: "STATUS", Words: true, Right: true}}, Colours: true}
	tab.Add("added", "complete")
	tab.Add("no", "2 errors")
	tab.Add("x", "removed")
	var b strings.Builder
	if err := tab.Write(&b, 0); err != nil {
		t.Fatal(err)
	}
	if want := "PATH     STATUS\nadded  complete\nno     \x1b[31m2 errors\x1b[0m\nx       \x1b[31mremoved\x1b[0m\n"; b.String() != want {
		t.Errorf("wrote %q, want %q", &b, want)
	}
}

func TestCell(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 45, 59, 0, time.Local)
	list := starlark.NewList([]starlark.Value{starlark.String("a\nb"), starlark.MakeInt(2)})
	for _, tt := range []struct {
		column string
		value  starlark.Value
		want   string
	}{
		{"detail", starlark.None, ""},
		{"ok", starlark.True, "yes"},
		{"ok", starlark.False, "no"},
		{"files", starlark.MakeInt(1234), "1,234"},
		{"old_size", starlark.MakeInt(1536), "1.5 KiB"},
		{"only_bytes", starlark.MakeInt(0), "0 B"},
		{"freed", starlark.MakeInt(1 << 30), "1.0 GiB"},
		{"change_bytes", starlark.MakeInt(-1536), "-1.5 KiB"},
		{"share", starlark.Float(0.25), "0.25"},
		{"time", startime.Time(at), "2026-11-22 09:45"},
		{"age", startime.Duration(50 * time.Hour), "2 d"},
		{"took", startime.Duration(65 * time.Second), "1:05"},
		{"path", starlark.String("tab\t"), `"tab\t"`},
		{"tags", list, `"a\nb", 2`},
	} {
		if got := cell(tt.column, tt.value); got != tt.want {
			t.Errorf("%v under %s is %q, want %q", tt.value, tt.column, got, tt.want)
		}
	}
}

func TestAge(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Hour: "now", 59 * time.Second: "now", time.Minute: "1 min", 23 * time.Hour: "23 h", day: "1 d", 6 * day: "6 d",
		20 * day: "2 w", 364 * day: "52 w", 800 * day: "2 y",
	} {
		if got := Age(d); got != want {
			t.Errorf("Age(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"äöü 漢字.txt": "äöü 漢字.txt", "new\nline": `"new\nline"`, "latin-\xe4": `"latin-\xe4"`, "right\u202eleft": `"right\u202eleft"`, "": "",
	} {
		if got := Printable(text); got != want {
			t.Errorf("Printable(%q) = %s, want %s", text, got, want)
		}
	}
}
