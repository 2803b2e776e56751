package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"phlb/runtime/spelling"
)

// dialect is what scripts may use beyond plain Starlark. A script without main
// reads like a shell script, hence loops and reassignment at its top level.
// Recursion stays forbidden.
var dialect = &syntax.FileOptions{
	Set:             true,
	While:           true,
	TopLevelControl: true,
	GlobalReassign:  true,
}

// A unit is one compiled file, and what its syntax tree says about it.
type unit struct {
	file    file
	program *starlark.Program
	doc     string
	main    *syntax.Ident // where main is first bound; nil: the file has none
	loaded  bool          // main is bound by a load statement
	again   *syntax.Ident // of a second function main; nil: there is none
	empty   bool          // the file has no statements
	idle    *syntax.Ident // of a file that only defines functions: which may be meant to be main
	shared  []string      // globals that functions of the file mention
}

// compile parses and resolves src, and keeps it for error messages.
func (s *session) compile(f file, src []byte, names starlark.StringDict) (*unit, error) {
	name := f.String()
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	s.sources[name] = string(src)
	if pos, ok := firstNonUTF8(name, src); !ok {
		return nil, s.compileError(pos, "not UTF-8: save the file in that encoding")
	}
	if pos, err := firstExcess(name, string(src)); err != nil {
		return nil, s.compileError(pos, err.Error())
	}
	tree, err := dialect.Parse(name, src, 0)
	if err != nil {
		return nil, s.compileErrors(err)
	}
	bound(tree)
	program, err := starlark.FileProgram(tree, names.Has)
	if err != nil {
		return nil, s.unresolved(err, tree, names)
	}
	u := &unit{file: f, program: program, doc: moduleDoc(tree), shared: mentionedInFunctions(tree)}
	u.main, u.loaded = findMain(tree)
	if u.main == nil && !acts(tree.Stmts) {
		u.idle = likeMain(tree)
	}
	u.again = secondMain(tree)
	u.empty = len(tree.Stmts) == 0
	return u, nil
}

// secondMain returns a function main of a file that takes the place of another one,
// which nothing has mentioned before.
func secondMain(tree *syntax.File) *syntax.Ident {
	unused := false
	for _, stmt := range tree.Stmts {
		if def, ok := stmt.(*syntax.DefStmt); ok && def.Name.Name == "main" {
			if unused {
				return def.Name
			}
			unused = true
			continue
		}
		syntax.Walk(stmt, func(n syntax.Node) bool {
			if id, ok := n.(*syntax.Ident); ok && id.Name == "main" {
				unused = false
			}
			return true
		})
	}
	return nil
}

// acts reports whether statements do anything beside defining functions and
// giving names to values: whether they call something, or hold other statements.
func acts(stmts []syntax.Stmt) (found bool) {
	for _, stmt := range stmts {
		switch stmt := stmt.(type) {
		case *syntax.DefStmt, *syntax.LoadStmt:
		case *syntax.AssignStmt, *syntax.ExprStmt:
			syntax.Walk(stmt, func(n syntax.Node) bool {
				switch n := n.(type) {
				case *syntax.LambdaExpr:
					return false
				case *syntax.CallExpr:
					id, ok := n.Fn.(*syntax.Ident)
					found = found || !ok || !slices.Contains(makers, id.Name)
				}
				return true
			})
		default:
			return true
		}
	}
	return found
}

// makers are functions that only make a value.
var makers = []string{
	"bool", "bytes", "dict", "enumerate", "float", "int", "len", "list", "max", "min", "range", "reversed", "set", "sorted",
	"str", "struct", "tuple", "zip",
}

// likeMain returns the function that may be meant to be the main of a file
// without one, nil if there is no function: the one that is called alike, else
// the last that is not private.
func likeMain(tree *syntax.File) (last *syntax.Ident) {
	for _, stmt := range tree.Stmts {
		def, ok := stmt.(*syntax.DefStmt)
		switch {
		case !ok:
			continue
		case spelling.Nearest(strings.ToLower(strings.Trim(def.Name.Name, "_")), []string{"main"}) != "":
			return def.Name
		case last == nil || !strings.HasPrefix(def.Name.Name, "_") || strings.HasPrefix(last.Name, "_"):
			last = def.Name
		}
	}
	return last
}

// maxProblems is how many problems of one file are told.
const maxProblems = 100

// compileErrors turns what the compiler says into an Error, with all problems
// where the compiler found several.
func (s *session) compileErrors(err error) *Error {
	e := &Error{Compile: true, Fault: true, err: err}
	var list resolve.ErrorList
	var one syntax.Error
	switch {
	case errors.As(err, &list):
		for _, x := range list[:min(len(list), maxProblems)] {
			e.Problems = append(e.Problems, s.problem(x.Pos, x.Msg))
		}
	case errors.As(err, &one):
		e.Problems = append(e.Problems, s.problem(one.Pos, one.Msg))
	default:
		e.Problems = append(e.Problems, Problem{Msg: err.Error()})
	}
	return e
}

// unresolved is compileErrors for a tree whose names are looked up in names. It
// says of what is undefined what it may be.
func (s *session) unresolved(err error, tree syntax.Node, names starlark.StringDict) *Error {
	e := s.compileErrors(err)
	if list := (resolve.ErrorList)(nil); !errors.As(err, &list) {
		return e
	}
	syntax.Walk(tree, func(n syntax.Node) bool {
		id, ok := n.(*syntax.Ident)
		if !ok {
			return true
		}
		if b, ok := id.Binding.(*resolve.Binding); !ok || b.Scope != resolve.Undefined {
			return true
		}
		for i, p := range e.Problems {
			if p.Pos == id.NamePos && strings.HasSuffix(p.Msg, id.Name) { // no hint yet
				e.Problems[i].Msg += s.meant(id.Name, names)
			}
		}
		return true
	})
	return e
}

// meant returns what to say of an undefined name, "" if there is nothing.
func (s *session) meant(name string, names starlark.StringDict) string {
	if s.all.Has(name) {
		return fmt.Sprintf(" in a file outside of the script's folder, which works on what it is handed: take %s as a parameter, and have the script pass %s = %s", name, name, name)
	}
	near := spelling.Nearest(name, slices.Concat(written(names), slices.Sorted(maps.Keys(starlark.Universe))))
	if near == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", near)
}

// written lists names that somebody can write.
func written(names starlark.StringDict) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), hidden)
}

func (s *session) compileError(pos syntax.Position, msg string) *Error {
	return s.compileErrors(syntax.Error{Pos: pos, Msg: msg})
}

// findMain returns where the top level of a file first binds main, and whether
// a load statement does that.
func findMain(tree *syntax.File) (id *syntax.Ident, loaded bool) {
	for _, b := range tree.Module.(*resolve.Module).Globals {
		if b.First.Name == "main" {
			return b.First, false
		}
	}
	for _, stmt := range tree.Stmts {
		if load, ok := stmt.(*syntax.LoadStmt); ok {
			for _, id := range load.To {
				if id.Name == "main" {
					return id, true
				}
			}
		}
	}
	return nil, false
}

func moduleDoc(tree *syntax.File) string {
	if len(tree.Stmts) == 0 {
		return ""
	}
	if stmt, ok := tree.Stmts[0].(*syntax.ExprStmt); ok {
		if lit, ok := stmt.X.(*syntax.Literal); ok && lit.Token == syntax.STRING {
			return lit.Value.(string)
		}
	}
	return ""
}

// mentionedInFunctions lists the names of globals that code inside a function
// mentions. These are all the globals that a callback can reach, wherever its
// call leads: functions of other files are frozen with their globals. What is
// predeclared is among them: in a [REPL] these are globals too.
func mentionedInFunctions(tree syntax.Node) []string {
	var names []string
	seen := make(map[string]bool)
	inside := func(n syntax.Node) bool {
		id, ok := n.(*syntax.Ident)
		if !ok || seen[id.Name] {
			return true
		}
		if b, ok := id.Binding.(*resolve.Binding); ok && (b.Scope == resolve.Global || b.Scope == resolve.Predeclared) {
			seen[id.Name] = true
			names = append(names, id.Name)
		}
		return true
	}
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DefStmt, *syntax.LambdaExpr:
			syntax.Walk(n, inside)
			return false
		}
		return true
	})
	return names
}

// firstNonUTF8 finds the first byte that is not part of a character, and says
// whether all is well.
func firstNonUTF8(name string, src []byte) (syntax.Position, bool) {
	line, col := int32(1), int32(1)
	for len(src) > 0 {
		r, size := utf8.DecodeRune(src)
		switch {
		case r == utf8.RuneError && size == 1:
			return syntax.MakePosition(&name, line, col), false
		case r == '\n':
			line, col = line+1, 1
		default:
			col++
		}
		src = src[size:]
	}
	return syntax.Position{}, true
}
