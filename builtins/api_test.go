package builtins

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/runtime"
)

// TestAPI holds that everything is documented in plain words: a line that
// stands on its own.
func TestAPI(t *testing.T) {
	pronoun := regexp.MustCompile(`\btheir\b|^(it|that|they|this) `)
	for _, owner := range newLab(t).session.API() {
		for _, f := range owner.Functions {
			if !strings.HasPrefix(f.Signature, f.Name+"(") || f.Doc == "" || strings.Contains(f.Doc, "\n") {
				t.Errorf("%s.%s: %q, %q", owner.Name, f.Name, f.Signature, f.Doc)
			}
		}
		for _, a := range owner.Attributes {
			if a.Doc == "" || a.Type == "" || strings.Contains(a.Doc, "\n") {
				t.Errorf("%s.%s is not documented", owner.Name, a.Name)
			}
			if word := pronoun.FindString(a.Doc); word != "" {
				t.Errorf("%s.%s: %q: of what is %q?", owner.Name, a.Name, a.Doc, word)
			}
		}
	}
}

// TestAttributes holds that what is documented is what a value has.
func TestAttributes(t *testing.T) {
	l := newLab(t)
	one := map[string]starlark.Value{
		"Scan": &Scan{Stream: runtime.NewStream(nil, "Scan", nil)}, "File": &File{scan: &Scan{}}, "Snapshot": &Snapshot{session: l.session}, "Entry": &Entry{}, "Version": &Version{},
		"Report": &Report{}, "Restored": &Restored{}, "removal": removalValue(&engine.Removal{}),
		"problem": problems([]engine.Problem{{}}).Index(0),
		"change":  changeAttributes.record("change", &engine.Change{New: &manifest.Entry{}}),
		"found":   foundAttributes.record("found", found{Found: &engine.Found{Entry: &manifest.Entry{}}}),
		"stat":    statAttributes.record("stat", snapshotStat{Stat: &engine.Stat{}}),
		"usage":   usageAttributes.record("usage", usage{Usage: &engine.Usage{}}),
		"check":   checkAttributes.record("check", &CheckResult{}),
		"age":     ageAttributes.record("age", nameAge{}),
		"ran":     ran{}.value(), "answer": answer{}.value(),
		"time.time": startime.Time{}, "time.duration": startime.Duration(0),
	}
	for _, module := range []string{"config", "http", "json", "math", "time"} {
		script, err := (&runtime.Host{Names: l.session.Names()}).LoadSource(t.Context(), "test.star", []byte("def main(): return "+module))
		l.must(err)
		one[module], err = script.Run(t.Context(), nil)
		l.must(err)
	}
	for _, owner := range l.session.API() {
		if owner.Name == "" {
			continue
		}
		var documented []string
		for _, a := range owner.Attributes {
			documented = append(documented, a.Name)
		}
		for _, f := range owner.Functions {
			documented = append(documented, f.Name)
		}
		has := slices.Clone(one[owner.Name].(starlark.HasAttrs).AttrNames())
		slices.Sort(has)
		slices.Sort(documented)
		if !slices.Equal(has, documented) {
			t.Errorf("a %s has %v, and documented is %v", owner.Name, has, documented)
		}
		if kind := one[owner.Name].Type(); kind != owner.Name && kind != "struct" && kind != "module" {
			t.Errorf("a %s is documented as a %s", kind, owner.Name)
		}
	}
}

// samples are arguments that unpack, by the name of the parameter. What is not
// here is given a string.
var samples = map[string]starlark.Value{
	"argv": starlark.NewList([]starlark.Value{starlark.String("nothing")}), "rows": starlark.NewList(nil),
	"snapshots": starlark.NewList(nil), "columns": starlark.NewList([]starlark.Value{starlark.String("a")}),
}

// TestSignatures holds the Signature of each builtin against what the builtin
// unpacks: the names, how many there are, and which have to be given.
func TestSignatures(t *testing.T) {
	l := newLab(t)
	samples["scan"] = &Scan{session: l.session}
	api := l.session.API()
	for _, owner := range api {
		for _, f := range owner.Functions {
			if owner.Name == "" && starlark.Universe.Has(f.Name) || f.Name == "indent" {
				continue // of Starlark itself, which unpacks as it likes
			}
			t.Run(strings.TrimPrefix(owner.Name+"."+f.Name, "."), func(t *testing.T) {
				tree, err := (&syntax.FileOptions{}).Parse(f.Name, strings.ReplaceAll("def "+f.Signature+": pass", "config.match", "None"), 0)
				if err != nil {
					t.Fatal(err)
				}
				call := func(args starlark.Tuple, named ...string) string {
					var kwargs []starlark.Tuple
					for _, name := range named {
						v := samples[name]
						if v == nil {
							v = starlark.String("x")
						}
						kwargs = append(kwargs, starlark.Tuple{starlark.String(name), v})
					}
					return l.call(owner.Name, f, args, kwargs)
				}
				var names, required []string
				for _, p := range tree.Stmts[0].(*syntax.DefStmt).Params {
					switch p := p.(type) {
					case *syntax.Ident:
						names, required = append(names, p.Name), append(required, p.Name)
					case *syntax.BinaryExpr:
						names = append(names, p.X.(*syntax.Ident).Name)
					case *syntax.UnaryExpr:
						return // *args, **kwargs: whatever is given
					}
				}
				if got := call(make(starlark.Tuple, 1000)); !strings.Contains(got, fmt.Sprintf("want at most %d", len(names))) &&
					!strings.Contains(got, fmt.Sprintf("want %d", len(names))) {
					t.Errorf("%s takes another number of arguments: %s", f.Signature, got)
				}
				if got := call(nil, required...); strings.Contains(got, "missing argument") {
					t.Errorf("%s: %s", f.Signature, got)
				}
				if got := call(nil, "no_such_name"); !strings.Contains(got, "no_such_name") {
					return // takes no names
				}
				for _, name := range names {
					if got := call(nil, name); strings.Contains(got, "unexpected keyword") && name != "x" { // only by position
						t.Errorf("%s: %s", f.Signature, got)
					}
				}
				for i, name := range required {
					if got := call(nil, required[:i]...); !strings.Contains(got, "missing argument for "+name) {
						t.Errorf("%s: without %s: %s", f.Signature, name, got)
					}
				}
			})
		}
	}
}

// call calls a builtin as a script does, and returns its error.
func (l *lab) call(owner string, f runtime.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) string {
	for i := range args {
		args[i] = starlark.None
	}
	h := &runtime.Host{Now: l.now, Names: starlark.StringDict{"args": args, "kwargs": starlark.NewDict(0)}}
	callee := strings.Replace(owner, "time.time", "now()", 1) + "." + f.Name
	if f.Func != nil {
		callee = "f"
		h.Names["f"] = f.Value().BindReceiver(&Snapshot{&engine.Snapshot{}, l.session})
	}
	for _, kv := range kwargs {
		h.Names["kwargs"].(*starlark.Dict).SetKey(kv[0], kv[1])
	}
	script, err := h.LoadSource(context.Background(), "call.star", []byte(callee+"(*args, **kwargs)"))
	if err == nil {
		_, err = script.Run(context.Background(), nil)
	}
	return fmt.Sprint(err)
}
