package walk

import (
	"fmt"
	"strings"
)

// Rule is a line in the language of .gitignore, see gitignore(5): "*.o",
// "build/", "/only/at/the/root", "a/**/b", "!taken.o". Of the rules that match,
// the last one decides. All that lies in a directory that is left out is left out as
// well, whatever other rules say: the directory is not read.
//
// A line means the same as in git, with one exception: "**" beside other characters, as
// in "a/b**/c", is "*". There git does not always do what its manual says.
//
// No library is used: those for .gitignore do not say which rule has decided, and few
// compare bytes, or let the last match of several files in a tree decide.
type Rule struct {
	Text   string // the line
	Origin string // where the rule was written, for people to find it
	Beside string // if not "", the rule only counts in directories that hold this name too

	in   *Folder // the folder of the ignore file; nil for a rule of another origin
	file string  // the name of the ignore file
	line int     // the number of the line in the ignore file

	keep    bool // "!": paths that match are taken
	dirOnly bool
	parts   []part
	path    bool // whether parts match a path that begins in the rule's folder, and not a name
}

// where returns where the rule was written. For a rule of an ignore file the text is put
// together here, so that not every rule keeps a path in memory.
func (r *Rule) where() string {
	if r.in == nil {
		return r.Origin
	}
	return fmt.Sprintf("%s:%d", join(r.in.Spell(), r.file), r.line)
}

// String returns the rule and where it was written, for people.
func (r *Rule) String() string {
	text := fmt.Sprintf("%q", r.Text)
	if r.Beside != "" {
		text += " beside " + r.Beside
	}
	if at := r.where(); at != "" {
		text += " (" + at + ")"
	}
	return text
}

// compile reads the line. It reports false for an empty line or a comment.
func (r *Rule) compile() (bool, error) {
	text := foldRule(trimBlanks(r.Text))
	if text == "" || text[0] == '#' {
		return false, nil
	}
	text, r.keep = strings.CutPrefix(text, "!")
	text, r.dirOnly = strings.CutSuffix(text, "/")
	r.path = strings.Contains(text, "/")
	text = strings.TrimPrefix(text, "/")
	var err error
	r.parts, err = parseParts(text)
	return err == nil, err
}

// trimBlanks cuts off the spaces at the end that are not escaped.
func trimBlanks(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if line[i] == ' ' {
			continue
		}
		end = min(i+1, len(line))
	}
	return line[:end]
}

// match reports whether a rule of the frame in matches the path called name in f. The
// caller has matched the last part already.
func (r *Rule) match(in *frame, f *Folder, name string, isDir bool) bool {
	return (isDir || !r.dirOnly) &&
		(!r.path || matchPath(r.parts, fold(f.join(name)[in.skip:]))) &&
		(r.Beside == "" || f.has(r.Beside))
}
