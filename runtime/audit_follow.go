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
	type line struct {
		file       *auditFile
		name, what string
		how        How
	}
	told := map[line]bool{}
	add := func(f *auditFile, r Reach, way *auditWay) {
		if l := (line{f, r.Name, r.What, r.How}); !told[l] {
			told[l] = true
			r.Path = way.steps()
			found[f].Reach = append(found[f].Reach, r)
		}
	}

	ways := map[*auditNode]*auditWay{}
	var todo []*auditNode
	for _, node := range start {
		if node.in.library && node.name != "" {
			a.takes(node, func(r Reach, at Step) { add(node.in, r, &auditWay{&auditWay{step: node.step()}, at}) })
		}
		ways[node] = &auditWay{step: node.step()}
		todo = append(todo, node)
	}
	type key struct {
		node *auditNode
		name string
	}
	seen := map[key]bool{}
	var handed []handing
	hand := func(to *auditNode, name string, way *auditWay) {
		if !seen[key{to, name}] {
			seen[key{to, name}] = true
			handed = append(handed, handing{to, name, way})
		}
	}
	for len(todo) > 0 {
		node := todo[0]
		todo = todo[1:]
		for _, e := range node.edges {
			if e.to == nil {
				r := e.does
				add(node.in, r, &auditWay{ways[node], Step{e.pos, r.Name}})
				continue
			}
			way := &auditWay{ways[node], Step{e.pos, e.to.title()}}
			if ways[e.to] == nil {
				ways[e.to] = way
				todo = append(todo, e.to)
			}
			for _, name := range node.hands(e.hands) {
				hand(e.to, name, way)
			}
		}
	}

	for len(handed) > 0 {
		h := handed[0]
		handed = handed[1:]
		if h.to.in.pure { // others have the name themselves
			b, _ := a.builtin(h.name)
			add(h.to.in, Reach{Kind: b.Kind, Name: h.name, How: Handed}, h.way)
		}
		for _, e := range h.to.edges {
			if e.to != nil && e.hands.params {
				hand(e.to, h.name, &auditWay{h.way, Step{e.pos, e.to.title()}})
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
	way  *auditWay
}

// An auditWay is a path, from its end. Many have their beginnings in common.
type auditWay struct {
	before *auditWay // nil: it begins here
	step   Step
}

func (w *auditWay) steps() (all []Step) {
	for ; w != nil; w = w.before {
		all = append(all, w.step)
	}
	slices.Reverse(all)
	return all
}

// takes tells of the parameters of a function that are called like builtins.
func (a *auditor) takes(node *auditNode, tell func(Reach, Step)) {
	for _, p := range node.params {
		if b, ok := a.builtin(p.Name); ok {
			tell(Reach{Kind: b.Kind, Name: p.Name, How: Takes}, Step{p.NamePos, p.Name})
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
