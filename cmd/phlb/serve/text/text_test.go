package text

import "testing"

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ bytes, text, encoding string }{
		{"plain\n", "plain\n", "UTF-8"}, {"", "", "UTF-8"}, {"\xef\xbb\xbfmark", "mark", "UTF-8"}, {"größer", "größer", "UTF-8"},
		{"gr\xf6\xdfer \x80", "größer €", "Windows-1252"}, {"\xff\xfeh\x00i\x00", "hi", "UTF-16"}, {"\xfe\xff\x00h\x00i", "hi", "UTF-16"},
		{"nul\x00", "", ""}, {"\x7fELF\x02\x01\x01\x00", "", ""},
	} {
		if text, encoding := Decode([]byte(c.bytes), false); text != c.text || encoding != c.encoding {
			t.Errorf("%q: %q in %s", c.bytes, text, encoding)
		}
	}
	if _, encoding := Decode([]byte("größer"[:3]), true); encoding != "UTF-8" {
		t.Errorf("cut within a character: %s", encoding)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	rows, more := Compare("a\nb\nc\n", "a\nB\nc\nd", 10)
	want := []Row{{"same", 1, 1, "a"}, {"removed", 2, 0, "b"}, {"added", 0, 2, "B"}, {"same", 3, 3, "c"}, {"added", 0, 4, "d"}}
	if len(rows) != len(want) || more {
		t.Fatalf("%+v, %v", rows, more)
	}
	for i := range want {
		if rows[i] != want[i] {
			t.Errorf("line %d is %+v, not %+v", i, rows[i], want[i])
		}
	}
	if rows, more := Compare("a\nb\nc\n", "x\ny\nz\n", 2); len(rows) != 2 || !more {
		t.Errorf("%+v, %v", rows, more)
	}
	if rows, _ := Compare("same", "same", 10); len(rows) != 0 {
		t.Errorf("%+v", rows)
	}
	if rows, _ := Compare("--- a\n@@ -1 +1 @@\n", "+++ b\n@@ -1 +1 @@\n", 10); len(rows) != 3 || rows[0].Text != "--- a" {
		t.Errorf("a text that looks like a difference: %+v", rows)
	}
}
