package runtime

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

func (r *REPL) helpBuiltin() Builtin {
	return Builtin{
		Name:      "help",
		Signature: "help(what=None)",
		Doc:       "what a function or value is for; without one, what there is",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var what starlark.Value = starlark.None
			if err := Unpack(fn.Name(), args, kwargs, "what?", &what); err != nil {
				return nil, err
			}
			thread.Print(thread, r.Help(what))
			return starlark.None, nil
		},
	}
}

// Help says what v is for: its signature and documentation, or its attributes.
// A string is taken for a name. For None it lists the builtins.
func (r *REPL) Help(v starlark.Value) string {
	if name, ok := starlark.AsString(v); ok {
		if named := r.live[name]; named != nil {
			v = named
		} else if named := starlark.Universe[name]; named != nil {
			v = named
		}
	}
	switch v := v.(type) {
	case starlark.NoneType:
		return strings.TrimRight(list(r.host.Docs[""])+list(Table{r.helpBuiltin()}), "\n") +
			"\n\nand what Starlark has: " + strings.Join(r.others(), ", ")
	case *starlark.Builtin:
		return r.helpFunction(v)
	case *starlark.Function:
		return strings.TrimSpace(head(v) + "\n\n" + strings.Join(dedent(v.Doc()), "\n"))
	case *starlarkstruct.Module:
		text := "module " + v.Name + "\n\n"
		for _, name := range v.AttrNames() {
			if b, ok := r.lookUp(v.Name, name); ok {
				text += list(Table{b})
			} else {
				text += "  " + name + "\n"
			}
		}
		return strings.TrimRight(text, "\n")
	case starlark.HasAttrs:
		return r.helpValue(v)
	}
	return fmt.Sprintf("%s, a %s", v, v.Type())
}

func (r *REPL) helpFunction(v *starlark.Builtin) string {
	owner := ""
	if v.Receiver() != nil {
		owner = v.Receiver().Type()
	}
	if b, ok := r.lookUp(owner, v.Name()); ok {
		text := b.Signature + "\n\n" + b.Doc
		if b.Effect {
			text += "\n\nIt has an effect."
		}
		return text
	}
	if owner != "" {
		return v.Name() + ": a method of every " + owner
	}
	return v.Name() + ": a function of Starlark"
}

// lookUp finds the documentation of a function of an owner: a type, a module,
// or "" for those that belong to none.
func (r *REPL) lookUp(owner, name string) (Builtin, bool) {
	tables := []Table{r.host.Docs[owner]}
	if owner == "" {
		tables = append(tables, Table{r.helpBuiltin(), hereBuiltin, usageBuiltin}, universe)
		for _, t := range r.host.Docs {
			tables = append(tables, t)
		}
	}
	if owner == "" || owner == "time" {
		tables = append(tables, clockTable(r.host.Now))
	}
	for _, t := range tables {
		if i := slices.IndexFunc(t, func(b Builtin) bool { return b.Name == name }); i >= 0 {
			return t[i], true
		}
	}
	return Builtin{}, false
}

func (r *REPL) helpValue(v starlark.HasAttrs) string {
	var attributes []string
	methods := ""
	for _, name := range v.AttrNames() {
		if b, ok := r.lookUp(v.Type(), name); ok {
			methods += list(Table{b})
		} else {
			attributes = append(attributes, "."+name)
		}
	}
	text := fmt.Sprintf("a %s: %s", v.Type(), strings.Join(attributes, " "))
	return strings.TrimRight(text+"\n\n"+methods, "\n")
}

// others lists the names that no table of the host documents.
func (r *REPL) others() (names []string) {
	for name := range starlark.Universe {
		names = append(names, name)
	}
	for name := range r.all {
		if _, ok := r.lookUp("", name); !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func list(t Table) string {
	var b strings.Builder
	for _, f := range t {
		b.WriteString("  " + f.Signature + "\n      " + f.Doc + "\n")
	}
	return b.String()
}

// head returns the head of a function as it was defined.
func head(f *starlark.Function) string {
	var params []string
	positional := f.NumParams() - f.NumKwonlyParams()
	if f.HasVarargs() {
		positional--
	}
	if f.HasKwargs() {
		positional--
	}
	args, kwargs := "", ""
	n := f.NumParams()
	if f.HasKwargs() {
		n--
		name, _ := f.Param(n)
		kwargs = "**" + name
	}
	if f.HasVarargs() {
		n--
		name, _ := f.Param(n)
		args = "*" + name
	} else if f.NumKwonlyParams() > 0 {
		args = "*"
	}
	for i := range n {
		if i == positional && args != "" {
			params = append(params, args)
		}
		name, _ := f.Param(i)
		if d := f.ParamDefault(i); d != nil {
			name += "=" + d.String()
		}
		params = append(params, name)
	}
	if n == positional && args != "" {
		params = append(params, args)
	}
	if kwargs != "" {
		params = append(params, kwargs)
	}
	return f.Name() + "(" + strings.Join(params, ", ") + ")"
}
