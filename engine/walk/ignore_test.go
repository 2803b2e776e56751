package walk

import (
	pathpkg "path"
	"strings"
	"testing"
)

func TestRule(t *testing.T) {
	for _, test := range []struct {
		line    string
		yes, no string // paths: a directory's ends in a slash, | stands for a blank
	}{
		{line: "a", yes: "a a/ b/a b/a/", no: "ab b"},
		{line: "a/", yes: "a/ b/a/", no: "a b/a"},
		{line: "/a", yes: "a a/", no: "b/a"},
		{line: "a/b", yes: "a/b", no: "c/a/b b"},
		{line: "*.o", yes: ".o x.o a/x.o", no: "x.oo o"},
		{line: "a*b", yes: "ab axb axbb", no: "a abx xab"},
		{line: "a*b*c", yes: "abc abcbc axbxc", no: "acb abcb"},
		{line: "?", yes: "a b/a", no: "ab"},
		{line: "/*", yes: "a", no: "b/a"},
		{line: "a/*", yes: "a/b", no: "a/b/c a"},
		{line: "**/a", yes: "a b/a b/c/a", no: "ab"},
		{line: "a/**", yes: "a/b a/b/c", no: "a b/a/c"},
		{line: "/**", yes: "a a/b"},
		{line: "**", yes: "a a/b"},
		{line: "a/**/b", yes: "a/b a/x/b a/x/y/b", no: "a/xb ab a/b/c"},
		{line: "**/a/**/b/**", yes: "a/b/c x/a/y/b/z a/a/b/b/c", no: "a/b b/a/c"},
		{line: "a/***/b", yes: "a/b a/x/y/b"},
		{line: "x/a**/b", yes: "x/aq/b x/a/b", no: "x/aq/r/b"}, // as gitignore(5) has it
		{line: "x/**b", yes: "x/b x/ab", no: "x/a/b"},
		{line: `x\/b`, yes: "x/b", no: "b y/x/b"},
		{line: "[ab]c", yes: "ac bc", no: "cc c abc"},
		{line: "[a-cx-z_]", yes: "b y _", no: "d -"},
		{line: "[_a-c]", yes: "_ b", no: "- d"},
		{line: "[a-c-e]", yes: "b - e", no: "d"},
		{line: "[!a-c]", yes: "d", no: "b"},
		{line: "[^a-c]", yes: "d", no: "b"},
		{line: "[]-]", yes: "] -", no: "a"},
		{line: "[!]a]", yes: "b", no: "] a"},
		{line: `[a\]b]`, yes: "] a b", no: `\`},
		{line: "[[:digit:][:upper:]_]", yes: "1 A _", no: "a : ["},
		{line: "[a[:digit:]-c]", yes: "a 1 - c", no: "b"},
		{line: "[a[:]", yes: "a [ :", no: "]"},
		{line: "a[/]b", no: "a/b ab"},
		{line: "{a,b}", yes: "{a,b}", no: "a b"},
		{line: `\*\?\[\\`, yes: `*?[\`, no: "ab"},
		{line: `\!a`, yes: "!a"},
		{line: `\#a`, yes: "#a"},
		{line: "a  ", yes: "a", no: "a|"},
		{line: `a\  `, yes: "a|", no: "a a||"},
		{line: "a\t", yes: "a\t", no: "a"},
		{line: "\xff*", yes: "\xff \xffx", no: "x"},
		{line: "??", yes: "é", no: "e"}, // by bytes, as git
	} {
		if namesFold && strings.Contains(test.line, ":upper:") {
			continue // which takes small letters too then
		}
		in, wrong := frameOf(test.line)
		if wrong != nil {
			t.Error(wrong)
			continue
		}
		for want, paths := range map[bool]string{true: test.yes, false: test.no} {
			for path := range strings.FieldsFuncSeq(paths, func(r rune) bool { return r == ' ' }) {
				p, isDir := strings.CutSuffix(strings.ReplaceAll(path, "|", " "), "/")
				f := &Folder{frame: in}
				f.path = pathpkg.Dir(p)
				if got, _ := (&matcher{}).decide(f, pathpkg.Base(p), isDir); got != want {
					t.Errorf("%q: skips %q: %v", test.line, path, got)
				}
			}
		}
	}
}

// frameOf returns the frame of an ignore file, and what is wrong with the file.
func frameOf(text string) (*frame, []error) {
	rules, wrong := parse([]byte(text))
	in := &frame{}
	for _, r := range rules {
		in.add(r)
	}
	return in, wrong
}

func TestBadRules(t *testing.T) {
	for line, want := range map[string]string{
		"!": "matches nothing", "/": "matches nothing", "a//b": "matches nothing", "a//": "matches nothing",
		"[a": "not closed", "a[": "not closed", "[]": "not closed", "[[:alpha:]": "not closed", `[a\`: `lone \`,
		`a\`: `lone \`, `a\/`: `lone \`, "[[:any:]]": "[:any:]",
	} {
		in, wrong := frameOf("*.o\r\n\n#\n" + line + "\n!x")
		if len(wrong) != 1 || !strings.Contains(wrong[0].Error(), "line 4, ") || !strings.Contains(wrong[0].Error(), want) {
			t.Errorf("%q: %v", line, wrong)
		}
		if len(in.rules) != 2 || in.rules[0].Text != "*.o" || in.rules[1].line != 5 {
			t.Errorf("%q: beside it, %v", line, in.rules)
		}
		err := (&Rules{Ordered: []Rule{{Text: line, Origin: "here"}}}).Check()
		if err == nil || !strings.HasPrefix(err.Error(), "rules: ") || !strings.Contains(err.Error(), "(here)") {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// FuzzRule reads any line, holds it against any name, and a name against itself.
func FuzzRule(f *testing.F) {
	f.Add("a/**/[!b-d]*?.o", "a")
	f.Add("[[:alpha:]-]", "\xff\n")
	f.Fuzz(func(t *testing.T, line, name string) {
		folder := &Folder{}
		folder.path = "a/b"
		folder.frame, _ = frameOf(line)
		(&matcher{}).decide(folder, name, true)

		if name == "" || strings.ContainsAny(name, "/\x00") {
			return
		}
		quoted := ""
		for i := range len(name) {
			quoted += `\` + name[i:i+1]
		}
		m, err := (&Rules{Ordered: []Rule{{Text: quoted}}}).compile()
		if err != nil {
			t.Fatalf("%q: %v", quoted, err)
		}
		folder.frame = m.ordered
		if skip, _ := m.decide(folder, name, false); !skip {
			t.Errorf("%q does not match %q", quoted, name)
		}
		if skip, _ := m.decide(folder, name+"x", false); skip {
			t.Errorf("%q matches %q", quoted, name+"x")
		}
	})
}

// A name as long as a file of patterns may be is not copied for each of its bytes.
func TestLongName(t *testing.T) {
	name := strings.Repeat("{", 50000)
	if made := testing.AllocsPerRun(1, func() {
		if _, err := parseParts(name); err != nil {
			t.Error(err)
		}
	}); made > 100 {
		t.Errorf("%v allocations for one name", made)
	}
}
