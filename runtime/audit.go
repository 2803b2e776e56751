package runtime

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// An Audit says what the files of a script can do, as far as their texts tell. It
// is cautious: what a file mentions, where running the script may lead, counts as
// called. What is mentioned nowhere cannot be called.
type Audit struct {
	File  string // as in messages
	Part  bool   // it is part of the script; else it has pure names alone
	Reach []Reach
}

// A Reach is one thing that a file can do.
type Reach struct {
	Kind string // of a [Builtin]
	Name string // such as "link", "http.get" or "Snapshot.remove"
	What string // its first argument, where that is a text that stands in the file
	How  How
	Path []Step // how it comes to that, outermost first
}

// How says by which right a file can do something.
type How string

const (
	Calls   How = "calls"   // it has the name
	Handed  How = "handed"  // another file hands it over
	Takes   How = "takes"   // a function has a parameter of that name, for whoever calls it
	Refused How = "refused" // it mentions the name, and does not compile for that
)

// A Step is a function that is called, or something that it uses, and where that
// stands.
type Step struct {
	Pos  syntax.Position
	Name string
}

// String gives the name, and the place in parentheses.
func (s Step) String() string {
	return fmt.Sprintf("%s (%s:%d)", s.Name, s.Pos.Filename(), s.Pos.Line)
}

// Audit reads a script and all that it loads, and says for each file what it can do
// of what [Host.Docs] gives a Kind. Nothing is run. A file without a main is taken
// for a library, whose functions anybody may call, unless it does something. To cancel ctx
// ends the reading with the cause.
func (h *Host) Audit(ctx context.Context, name string) ([]Audit, error) {
	f, err := h.locate(file{}, name)
	if err != nil {
		return nil, err
	}
	a := &auditor{session: newSession(h), ctx: ctx, files: map[instance]*auditFile{}, methods: map[string]Builtin{}}
	for owner, table := range h.Docs {
		for _, b := range table {
			if _, module := a.all[owner]; owner != "" && !module && b.Kind != "" {
				b.Signature = owner + "." + b.Signature
				a.methods[b.Name] = b
			}
		}
	}
	script, err := a.read(instance{file: f}, f)
	if err != nil {
		return nil, err
	}
	start := []*auditNode{script.node("")}
	if main := script.nodes["main"]; main != nil {
		start = append(start, main)
	} else if script.library {
		for _, name := range slices.Sorted(maps.Keys(script.nodes)) {
			if !strings.HasPrefix(name, "_") && name != "" {
				start = append(start, script.nodes[name])
			}
		}
	}
	return a.follow(start), nil
}

// An auditor reads files, and makes a graph of what they mention.
type auditor struct {
	*session
	ctx     context.Context
	files   map[instance]*auditFile
	order   []*auditFile
	methods map[string]Builtin // by name, with their owner in the signature
}

type auditFile struct {
	instance
	nodes   map[string]*auditNode // by the global name; "" is the top level
	loads   map[*syntax.Ident]*auditNode
	library bool
}

// An auditNode is a function, a value of the top level, or the top level itself.
type auditNode struct {
	in     *auditFile
	name   string
	pos    syntax.Position
	params []*syntax.Ident
	edges  []auditEdge
}

// An auditEdge is a mention: of another node, or of a builtin.
type auditEdge struct {
	pos   syntax.Position
	to    *auditNode // nil for a builtin
	does  Reach      // the builtin
	bare  bool       // it is not called, and may go anywhere
	hands arguments  // of a call
}

// arguments are what a call hands over.
type arguments struct {
	builtins []string
	values   []*auditNode // of the top level
	locals   bool         // a variable of the caller, which may hold what the caller mentions
	params   bool         // a parameter of the caller: what that was handed itself
}

func (f *auditFile) node(name string) *auditNode {
	if f.nodes[name] == nil {
		f.nodes[name] = &auditNode{in: f, name: name}
	}
	return f.nodes[name]
}

// read reads a file and what it loads, once.
func (a *auditor) read(m instance, script file) (*auditFile, error) {
	if f := a.files[m]; f != nil {
		return f, nil
	}
	src, err := a.host.readUntil(a.ctx, m.file)
	if err != nil {
		return nil, err
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	a.sources[m.String()] = string(src)
	if pos, err := firstExcess(m.String(), string(src)); err != nil {
		return nil, a.compileError(pos, err.Error())
	}
	tree, err := dialect.Parse(m.String(), src, 0)
	if err == nil {
		err = resolve.File(tree, a.all.Has, starlark.Universe.Has)
	}
	if err != nil {
		return nil, a.unresolved(err, tree, a.all)
	}
	main, _ := findMain(tree)
	library := len(a.files) == 0 && main == nil && !acts(tree.Stmts)
	m.pure = m.pure || library && m.module != nil // whoever loads it gives it no more
	f := &auditFile{instance: m, library: library, nodes: map[string]*auditNode{}, loads: map[*syntax.Ident]*auditNode{}}
	f.node("").pos = syntax.MakePosition(&tree.Path, 1, 1)
	a.files[m] = f
	a.order = append(a.order, f)
	for _, stmt := range tree.Stmts {
		load, ok := stmt.(*syntax.LoadStmt)
		if !ok {
			continue
		}
		at, err := a.host.locate(m.file, load.Module.Value.(string))
		var from *auditFile
		if err == nil {
			from, err = a.read(instance{file: at, pure: m.pure || !script.owns(at)}, script)
		}
		if err != nil {
			return nil, &Error{err: err, Problems: []Problem{a.problem(load.Module.TokenPos, err.Error())}, Fault: true}
		}
		f.node("").edges = append(f.node("").edges, auditEdge{pos: load.Load, to: from.node("")})
		for i, id := range load.To {
			f.loads[id] = from.node(load.From[i].Name)
		}
	}
	a.statements(f, tree.Stmts)
	return f, nil
}

// statements goes through the top level of a file.
func (a *auditor) statements(f *auditFile, stmts []syntax.Stmt) {
	top := f.node("")
	bind := func(to, value syntax.Expr) {
		syntax.Walk(to, func(n syntax.Node) bool {
			if id, ok := n.(*syntax.Ident); ok {
				node := f.node(id.Name)
				node.pos = id.NamePos
				a.mentions(node, value)
			}
			return true
		})
	}
	for _, stmt := range stmts {
		switch stmt := stmt.(type) {
		case *syntax.DefStmt:
			node := f.node(stmt.Name.Name)
			node.pos = stmt.Name.NamePos
			for _, p := range stmt.Params {
				node.params = append(node.params, parameter(p)...)
				a.mentions(top, p) // defaults
				a.mentions(node, p)
			}
			for _, s := range stmt.Body {
				a.mentions(node, s)
			}
		case *syntax.LoadStmt:
		case *syntax.IfStmt:
			a.mentions(top, stmt.Cond)
			a.statements(f, stmt.True)
			a.statements(f, stmt.False)
		case *syntax.ForStmt:
			a.mentions(top, stmt.X)
			bind(stmt.Vars, stmt.X)
			a.statements(f, stmt.Body)
		case *syntax.WhileStmt:
			a.mentions(top, stmt.Cond)
			a.statements(f, stmt.Body)
		case *syntax.AssignStmt:
			a.mentions(top, stmt)
			bind(stmt.LHS, stmt.RHS)
		default:
			a.mentions(top, stmt)
		}
	}
}

// parameter returns the name in a parameter.
func parameter(p syntax.Expr) []*syntax.Ident {
	switch p := p.(type) {
	case *syntax.Ident:
		return []*syntax.Ident{p}
	case *syntax.BinaryExpr:
		return parameter(p.X)
	case *syntax.UnaryExpr:
		if p.X != nil {
			return parameter(p.X)
		}
	}
	return nil
}
