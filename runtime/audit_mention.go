package runtime

import (
	"maps"
	"slices"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// mentions adds what a piece of a file mentions to the edges of a node.
func (a *auditor) mentions(node *auditNode, piece syntax.Node) {
	called := map[syntax.Node]*syntax.CallExpr{} // functions of calls, by what is called
	spent := map[syntax.Node]bool{}              // what a call is handed, and not what it is put into
	skip := map[syntax.Node]bool{}
	syntax.Walk(piece, func(n syntax.Node) bool {
		if n == nil || skip[n] {
			return false
		}
		switch n := n.(type) {
		case *syntax.CallExpr:
			called[n.Fn] = n
			fn, named := n.Fn.(*syntax.Ident)
			makes := named && slices.Contains(makers, fn.Name) && !spent[n]
			for _, arg := range n.Args {
				if named, ok := arg.(*syntax.BinaryExpr); ok && named.Op == syntax.EQ {
					skip[named.X] = true // the name of a parameter
					arg = named.Y
				}
				spent[arg] = !makes
			}
			if text, ok := attribute(n); ok {
				node.edges = append(node.edges, a.methodsCalled(node, text, n.Lparen)...)
			}
		case *syntax.DotExpr:
			skip[n.Name] = true
			if id, ok := n.X.(*syntax.Ident); ok && scope(id) == resolve.Predeclared && a.host.Docs[id.Name] != nil {
				skip[id] = true
				for _, b := range a.host.Docs[id.Name] {
					if b.Name == n.Name.Name && b.Kind != "" {
						node.edges = append(node.edges, auditEdge{pos: id.NamePos, does: a.does(node, b, id.Name+"."+b.Name, called[n])})
					}
				}
			} else if b, ok := a.methods[n.Name.Name]; ok && !takesMore(b, called[n]) {
				node.edges = append(node.edges, a.methodsCalled(node, b.Name, n.Name.NamePos)...)
			}
		case *syntax.Ident:
			if e, ok := a.mention(node, n, called[n]); ok {
				e.bare = e.bare && !spent[n]
				node.edges = append(node.edges, e)
			}
		}
		return true
	})
}

// mention returns what a name stands for, and false if that is nothing of interest.
func (a *auditor) mention(node *auditNode, id *syntax.Ident, call *syntax.CallExpr) (auditEdge, bool) {
	e := auditEdge{pos: id.NamePos}
	b, ok := id.Binding.(*resolve.Binding)
	switch {
	case !ok:
		return e, false
	case b.Scope == resolve.Predeclared:
		kind, found := a.builtin(id.Name)
		if !found || !applies(kind, call) {
			return e, false
		}
		e.does, e.bare = a.does(node, kind, id.Name, call), call == nil
		return e, true
	case b.Scope == resolve.Global:
		e.to = node.in.node(id.Name)
	case node.in.loads[b.First] != nil:
		e.to = node.in.loads[b.First]
	default:
		return e, false
	}
	if call != nil {
		e.hands = a.arguments(node, call)
	}
	return e, e.to != node
}

// builtin returns what is known of a predeclared name: a function with a kind, or a
// module of which some member has one.
func (a *auditor) builtin(name string) (Builtin, bool) {
	for _, b := range a.host.Docs[""] {
		if b.Name == name {
			return b, b.Kind != ""
		}
	}
	if name != "" {
		for _, b := range a.host.Docs[name] {
			if b.Kind != "" {
				return b, true
			}
		}
	}
	return Builtin{}, false
}

// does makes a Reach of a builtin that a node mentions.
func (a *auditor) does(node *auditNode, b Builtin, name string, call *syntax.CallExpr) Reach {
	r := Reach{Kind: b.Kind, Name: name, How: Calls}
	if b.When != "" {
		r.Name += "(" + b.When + ")"
	}
	if node.in.pure && !a.pure.Has(strings.SplitN(name, ".", 2)[0]) {
		r.How = Refused
	}
	if call != nil && len(call.Args) > 0 {
		r.What = literalText(call.Args[0])
	}
	return r
}

// methodsCalled returns what a method can do, which may be one of any value that has
// a method of that name. To a pure file values are plain data.
func (a *auditor) methodsCalled(node *auditNode, name string, pos syntax.Position) (edges []auditEdge) {
	if node.in.pure {
		return nil
	}
	for _, known := range slices.Sorted(maps.Keys(a.methods)) {
		if b := a.methods[known]; name == known || name == "" {
			title, _, _ := strings.Cut(b.Signature, "(")
			if b.When != "" {
				title += "(" + b.When + ")"
			}
			edges = append(edges, auditEdge{pos: pos, does: Reach{Kind: b.Kind, Name: title, How: Calls}})
		}
	}
	return edges
}

// arguments returns what a call hands over.
func (a *auditor) arguments(node *auditNode, call *syntax.CallExpr) (hands arguments) {
	called := map[syntax.Node]bool{}
	look := func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			called[n.Fn] = true // its result is handed over, and not the function
		case *syntax.Ident:
			b, ok := n.Binding.(*resolve.Binding)
			_, known := a.builtin(n.Name)
			switch {
			case !ok || called[n]:
			case b.Scope == resolve.Predeclared && known && !node.in.pure:
				hands.builtins = append(hands.builtins, n.Name)
			case b.Scope == resolve.Global:
				hands.values = append(hands.values, node.in.node(n.Name))
			case slices.Contains(node.params, b.First):
				hands.params = true
			case b.Scope == resolve.Local || b.Scope == resolve.Cell || b.Scope == resolve.Free:
				hands.locals = true
			}
		}
		return true
	}
	for _, arg := range call.Args {
		if named, ok := arg.(*syntax.BinaryExpr); ok && named.Op == syntax.EQ {
			arg = named.Y
		}
		syntax.Walk(arg, look)
	}
	return hands
}

// attribute returns which attribute a call of getattr asks for, "" where the text
// does not tell, and false for other calls.
func attribute(call *syntax.CallExpr) (name string, ok bool) {
	id, ok := call.Fn.(*syntax.Ident)
	if !ok || id.Name != "getattr" || scope(id) != resolve.Predeclared {
		return "", false
	}
	if len(call.Args) > 1 {
		return literalText(call.Args[1]), true
	}
	return "", true
}

func scope(id *syntax.Ident) resolve.Scope {
	if b, ok := id.Binding.(*resolve.Binding); ok {
		return b.Scope
	}
	return resolve.Undefined
}

// literalText returns a text that stands there, also as the first element of a
// list, and else "".
func literalText(x syntax.Expr) string {
	switch x := x.(type) {
	case *syntax.Literal:
		text, _ := x.Value.(string)
		return text
	case *syntax.ListExpr:
		if len(x.List) > 0 {
			return literalText(x.List[0])
		}
	case *syntax.TupleExpr:
		if len(x.List) > 0 {
			return literalText(x.List[0])
		}
	case *syntax.ParenExpr:
		return literalText(x.X)
	}
	return ""
}

// applies reports whether a call can have the effect that depends on one argument.
func applies(b Builtin, call *syntax.CallExpr) bool {
	if b.When == "" || call == nil {
		return true
	}
	position := slices.Index(parameterNames(b.Signature), b.When)
	for i, arg := range call.Args {
		switch arg := arg.(type) {
		case *syntax.UnaryExpr: // *args or **kwargs
			return true
		case *syntax.BinaryExpr:
			if name, ok := arg.X.(*syntax.Ident); ok && arg.Op == syntax.EQ && name.Name == b.When {
				value, ok := arg.Y.(*syntax.Ident)
				return !ok || value.Name != "False"
			}
		}
		if i == position {
			if named, ok := arg.(*syntax.BinaryExpr); !ok || named.Op != syntax.EQ {
				return true
			}
		}
	}
	return false
}

// takesMore reports whether a call has arguments, where the method has none: then it
// is one of another type.
func takesMore(b Builtin, call *syntax.CallExpr) bool {
	return call != nil && len(call.Args) > 0 && strings.HasSuffix(b.Signature, "()")
}

// parameterNames lists them from a signature.
func parameterNames(signature string) (names []string) {
	_, inner, _ := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	for _, part := range strings.Split(inner, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), "=")
		names = append(names, name)
	}
	return names
}
