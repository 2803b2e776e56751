// Package scripts holds the stock policies and the library that scripts load
// as @std//NAME.star. Each is short enough to be read before the next is
// written; `phlb scripts show NAME` prints one for copying.
package scripts

import (
	"embed"
	"io/fs"
	"slices"
	"strings"

	"go.starlark.net/syntax"
)

// FS holds the scripts, and the questions, by their file names.
//
//go:embed *.star *.sql
var FS embed.FS

// Names lists the scripts without their endings, sorted, and without the tests
// of the library.
func Names() []string {
	files, _ := fs.Glob(FS, "*.star") // fails only for a bad pattern
	var names []string
	for _, file := range files {
		if name := strings.TrimSuffix(file, ".star"); !strings.HasSuffix(name, "_test") {
			names = append(names, name)
		}
	}
	return names
}

// Offered is what a module of the library has for those who load it: a function
// or a value.
type Offered struct {
	Module    string // "@std//retention.star"
	Name      string
	Signature string // of a function; else ""
	Doc       string // the first sentence of its docstring, or of the comment above it
}

// Library lists what modules offer, from their sources.
func Library() (all []Offered) {
	for _, name := range Names() {
		source, err := FS.ReadFile(name + ".star")
		if err != nil {
			continue
		}
		tree, err := options.Parse(name, source, syntax.RetainComments)
		if err != nil {
			continue // a test runs them all
		}
		var offered []Offered
		for _, stmt := range tree.Stmts {
			switch stmt := stmt.(type) {
			case *syntax.DefStmt:
				offered = append(offered, Offered{"", stmt.Name.Name, signature(source, stmt), docstring(stmt.Body)})
			case *syntax.AssignStmt:
				if id, ok := stmt.LHS.(*syntax.Ident); ok {
					offered = append(offered, Offered{"", id.Name, "", comment(stmt)})
				}
			}
		}
		private := func(o Offered) bool { return strings.HasPrefix(o.Name, "_") }
		offered = slices.DeleteFunc(offered, private)
		if slices.ContainsFunc(offered, func(o Offered) bool { return o.Name == "main" }) {
			continue // a policy
		}
		for _, o := range offered {
			o.Module = "@std//" + name + ".star"
			all = append(all, o)
		}
	}
	return all
}

var options = &syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true}

// signature returns the head of a function as it stands in the source, in one
// line.
func signature(source []byte, def *syntax.DefStmt) string {
	lines := strings.Split(string(source), "\n")
	start, end := def.Name.NamePos.Line-1, def.Body[0]
	first, _ := end.Span()
	head := strings.Join(strings.Fields(strings.Join(lines[start:first.Line-1], " ")), " ")
	head = strings.TrimSuffix(strings.TrimPrefix(head, "def "), ":")
	return strings.NewReplacer("( ", "(", ", )", ")", " = ", "=").Replace(head)
}

func docstring(body []syntax.Stmt) string {
	if stmt, ok := body[0].(*syntax.ExprStmt); ok {
		if text, ok := stmt.X.(*syntax.Literal); ok && text.Token == syntax.STRING {
			line, _, _ := strings.Cut(text.Value.(string), "\n")
			return line
		}
	}
	return ""
}

// comment returns what stands above a statement.
func comment(stmt syntax.Stmt) string {
	var lines []string
	if c := stmt.Comments(); c != nil {
		for _, line := range c.Before {
			lines = append(lines, strings.TrimSpace(strings.TrimPrefix(line.Text, "#")))
		}
	}
	return strings.Join(lines, " ")
}

// Doc returns the first line of the docstring of a script.
func Doc(source []byte) string {
	_, doc, _ := strings.Cut(string(source), `"""`)
	doc, _, _ = strings.Cut(doc, `"""`)
	doc, _, _ = strings.Cut(doc, "\n")
	return doc
}
