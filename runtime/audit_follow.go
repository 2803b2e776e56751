package runtime

import (
	"cmp"
	"slices"
	"strings"
)

// follow finds all that can be reached, by the shortest ways.
func (a *auditor) follow(start []*auditNode) []Audit {
	found := map[*auditFile]*Audit{}
	var all []*Audit
	for _, f := range a.order {
		found[f] = &Audit{File: f.String(), Part: !f.pure}
		all = append(all, found[f])
	}
	add := func(f *auditFile, r Reach) {
		audit := found[f]
		if !slices.ContainsFunc(audit.Reach, func(x Reach) bool { return x.Name == r.Name && x.What == r.What && x.How == r.How }) {
			audit.Reach = append(audit.Reach, r)
		}
	}

	ways := map[*auditNode][]Step{}
	var todo []*auditNode
	for _, node := range start {
		if node.in.library && node.name != "" {
			a.takes(node, func(r Reach) { add(node.in, r) })
		}
		ways[node] = []Step{node.step()}
		todo = append(todo, node)
	}
	var handed []handing
	for len(todo) > 0 {
		node := todo[0]
		todo = todo[1:]
		for _, e := range node.edges {
			if e.to == nil {
				r := e.does
				r.Path = append(slices.Clone(ways[node]), Step{e.pos, r.Name})
				add(node.in, r)
				continue
			}
			way := append(slices.Clone(ways[node]), Step{e.pos, e.to.title()})
			if ways[e.to] == nil {
				ways[e.to] = way
				todo = append(todo, e.to)
			}
			for _, name := range node.hands(e.hands) {
				handed = append(handed, handing{e.to, name, way})
			}
		}
	}

	type key struct {
		node *auditNode
		name string
	}
	seen := map[key]bool{}
	for len(handed) > 0 {
		h := handed[0]
		handed = handed[1:]
		if seen[key{h.to, h.name}] {
			continue
		}
		seen[key{h.to, h.name}] = true
		if h.to.in.pure { // others have the name themselves
			b, _ := a.builtin(h.name)
			add(h.to.in, Reach{Kind: b.Kind, Name: h.name, How: Handed, Path: h.way})
		}
		for _, e := range h.to.edges {
			if e.to != nil && e.hands.params {
				handed = append(handed, handing{e.to, h.name, append(slices.Clone(h.way), Step{e.pos, e.to.title()})})
			}
		}
	}

	audits := make([]Audit, len(all))
	for i, audit := range all {
		slices.SortStableFunc(audit.Reach, func(x, y Reach) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.What, y.What)) })
		audits[i] = *audit
	}
	return audits
}

// A handing is a builtin that a function is handed, and how it comes to that.
type handing struct {
	to   *auditNode
	name string
	way  []Step
}

// takes tells of the parameters of a function that are called like builtins.
func (a *auditor) takes(node *auditNode, tell func(Reach)) {
	for _, p := range node.params {
		if b, ok := a.builtin(p.Name); ok {
			tell(Reach{Kind: b.Kind, Name: p.Name, How: Takes, Path: []Step{node.step(), {p.NamePos, p.Name}}})
		}
	}
}

// hands returns the names of the builtins among the arguments of a call that a node
// makes.
func (n *auditNode) hands(args arguments) []string {
	names := slices.Clone(args.builtins)
	mentioned := func(node *auditNode, bare bool) {
		for _, e := range node.edges {
			if e.to == nil && (e.bare || !bare) && e.does.How == Calls {
				name, _, _ := strings.Cut(e.does.Name, "(")
				names = append(names, name)
			}
		}
	}
	for _, value := range args.values {
		mentioned(value, false)
	}
	if args.locals {
		mentioned(n, true)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (n *auditNode) step() Step { return Step{n.pos, n.title()} }

func (n *auditNode) title() string {
	if n.name == "" {
		return "top level"
	}
	return n.name
}
