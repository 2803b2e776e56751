package walk

import (
	"fmt"
	"strings"
)

// Rule is a line in the language of .gitignore, see gitignore(5): "*.o",
// "build/", "/only/at/the/root", "a/**/b", "!taken.o". Of the rules that match,
// the last one decides. What lies in a directory that is left out is left out
// as well, whatever is said of it: the directory is not looked into.
//
// A line means to phlb what it means to git, but for "**" beside other
// characters, as in "a/b**/c", where git does not always do what its manual
// says: it is "*" there.
//
// It is read by hand: libraries for it do not say which rule decided, and few go
// by bytes or have the last match of several files in a tree decide as git does.
type Rule struct {
	Text   string // the line
	Origin string // where it stands, for people to find it
	Beside string // if not "", the rule is only for directories that hold this name too

	in   *Folder // that the ignore file lies in; nil for a rule of another origin
	file string  // its name
	line int     // in it

	keep    bool // "!": what matches is taken
	dirOnly bool
	parts   []part
	path    bool // parts are those of a path from the rule's folder, else the pattern of a name
}

// where returns where the rule stands. For one of an ignore file that is spelled
// only when somebody asks: each would hold the path of its folder.
func (r *Rule) where() string {
	if r.in == nil {
		return r.Origin
	}
	return fmt.Sprintf("%s:%d", join(r.in.Spell(), r.file), r.line)
}

// String returns the rule as people are told of it.
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

// compile reads the line. It reports false for one that says nothing.
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

// trimBlanks cuts off what is blank at the end and not escaped.
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

// match holds the rule of a frame against what is called name in f, where the
// last part is known to match.
func (r *Rule) match(in *frame, f *Folder, name string, isDir bool) bool {
	return (isDir || !r.dirOnly) &&
		(!r.path || matchPath(r.parts, fold(f.join(name)[in.skip:]))) &&
		(r.Beside == "" || f.has(r.Beside))
}
