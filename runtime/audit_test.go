package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// auditHost has builtins of several kinds, a type with methods, and a module.
func auditHost() *Host {
	h, _ := newHost()
	functions := Table{
		{Name: "scan", Signature: "scan(root)", Kind: "read", Func: touch},
		{Name: "link", Signature: "link(scan)", Kind: "link", Effect: true, Func: touch},
		{Name: "verify", Signature: "verify(snapshot, fast=False, heal=False)", Kind: "heal", When: "heal", Func: touch},
		{Name: "run", Signature: "run(argv)", Kind: "run", Effect: true, Func: touch},
		{Name: "look", Signature: "look()", Func: touch},
	}
	web := Table{{Name: "get", Signature: "get(url)", Kind: "net", Func: touch}}
	h.Names = functions.Names()
	h.Names["http"] = h.Names["look"] // what it is does not matter to an audit
	h.Docs = map[string]Table{"": functions, "http": web, "Snapshot": {
		{Name: "remove", Signature: "remove()", Kind: "remove", Func: touch},
		{Name: "stat", Signature: "stat()", Func: touch},
	}}
	return h
}

// TestAudit holds that an audit finds what each file can do, by the shortest way.
func TestAudit(t *testing.T) {
	t.Parallel()
	lib := &Module{Label: "@lib", Origin: "x", Files: libraryFS(
		"nightly.star", "load('deep.star', 'deep')\ndef nightly(tree, *, link, verify):\n    return deep(link, tree)\ndef other(tree):\n    return 1\n",
		"deep.star", "def deep(f, x):\n    return f(x)\n",
		"greedy.star", "def go(x):\n    return link(x)\n",
		"main.star", "def main(root):\n    link(scan(root))\n",
	)}
	for _, test := range []struct {
		name, src string
		want      []string // FILE HOW NAME(WHAT): WAY
	}{
		{"Main", "def main():\n    link(scan('x'))", []string{
			"main.star calls link: main:1 link:2", "main.star calls scan(x): main:1 scan:2"}},
		{"Nothing", "def main():\n    look()\n    [].remove(1)\n    x.stat()\nx = 1", nil},
		{"Unreached", "def f():\n    link(1)\ndef main():\n    pass", nil},
		{"Chain", "def f():\n    g()\ndef g():\n    link(1)\ndef main():\n    f()", []string{"main.star calls link: main:5 f:6 g:2 link:4"}},
		{"Alias", "go = [link]\ndef main():\n    go[0](1)", []string{"main.star calls link: top level:1 link:1"}},
		{"Lambda", "def main():\n    return (lambda x: link(x))(1)", []string{"main.star calls link: main:1 link:2"}},
		{"Nested", "def main():\n    def f():\n        run(['sh', '-c'])\n    f()", []string{"main.star calls run(sh): main:1 run:3"}},
		{"Default", "def main(x = link):\n    pass", []string{"main.star calls link: top level:1 link:1"}},
		{"Loop", "for x in [1]:\n    link(x)", []string{"main.star calls link: top level:1 link:2"}},
		{"Method", "def main():\n    for s in look():\n        s.remove()", []string{"main.star calls Snapshot.remove: main:1 Snapshot.remove:3"}},
		{"MethodValue", "def main():\n    return look().remove", []string{"main.star calls Snapshot.remove: main:1 Snapshot.remove:2"}},
		{"GetAttr", "def main(n):\n    getattr(n, 'remove')()", []string{"main.star calls Snapshot.remove: main:1 Snapshot.remove:2"}},
		{"GetAttrOfAny", "def main(n):\n    getattr(n, n)()", []string{"main.star calls Snapshot.remove: main:1 Snapshot.remove:2"}},
		{"Module", "def main():\n    http.get('https://h/')", []string{"main.star calls http.get(https://h/): main:1 http.get:2"}},
		{"ModuleAsValue", "def main():\n    x = http\n    x.get(1)", []string{"main.star calls http: main:1 http:2"}},
		{"HealNot", "def main():\n    verify(1)\n    verify(1, heal = False)\n    verify(1, True)", nil},
		{"Heal", "def main(h):\n    verify(1, heal = h)", []string{"main.star calls verify(heal): main:1 verify(heal):2"}},
		{"HealPosition", "def main():\n    verify(1, False, True)", []string{"main.star calls verify(heal): main:1 verify(heal):2"}},
		{"HealArguments", "def main(k):\n    verify(**k)", []string{"main.star calls verify(heal): main:1 verify(heal):2"}},
		{"Shadowed", "def main(link):\n    link(1)", nil},
		{"Beside", "load('own.star', 'go')\ndef main():\n    go()", []string{"own.star calls link: main:2 go:3 link:2"}},
		{"Loaded", "load('own.star', go = 'go')\ndef main():\n    pass", nil},
		{"Handed", "load('@lib//nightly.star', 'nightly')\ndef main():\n    nightly(scan('x'), link = link, verify = 1)", []string{
			"main.star calls link: main:2 link:3", "main.star calls scan(x): main:2 scan:3",
			"@lib//nightly.star handed link: main:2 nightly:3", "@lib//deep.star handed link: main:2 nightly:3 deep:3"}},
		{"HandedInStruct", "load('@lib//nightly.star', 'other')\ne = struct(link = link)\ndef main():\n    other(e)", []string{
			"main.star calls link: top level:1 link:2", "@lib//nightly.star handed link: main:3 other:4"}},
		{"HandedInVariable", "load('@lib//nightly.star', 'other')\ndef main():\n    e = struct(link = link)\n    other(e)", []string{
			"main.star calls link: main:2 link:3", "@lib//nightly.star handed link: main:2 other:4"}},
		{"UsedInVariable", "load('@lib//nightly.star', 'nightly', 'other')\ndef main():\n    x = nightly(1, link = link, verify = 1)\n    other(x)", []string{
			"main.star calls link: main:2 link:3", "@lib//nightly.star handed link: main:2 nightly:3", "@lib//deep.star handed link: main:2 nightly:3 deep:3"}},
		{"ResultHanded", "load('@lib//nightly.star', 'other')\ndef main():\n    other(link(1))", []string{"main.star calls link: main:2 link:3"}},
		{"Refused", "load('@lib//greedy.star', 'go')\ndef main():\n    go(1)", []string{"@lib//greedy.star refused link: main:2 go:3 link:2"}},
		{"MethodInModule", "load('@lib//nightly.star', 'other')\ndef main():\n    other(1).stat()", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := auditHost()
			h.Modules = map[string]*Module{"lib": lib}
			dir := tree(t, "main.star", test.src, "own.star", "def go():\n    link(1)\n")
			got := audited(t, h, filepath.Join(dir, "main.star"))
			for i := range got {
				got[i] = below(dir, got[i])
			}
			slices.Sort(got)
			want := slices.Clone(test.want)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}

	h := auditHost()
	h.Modules = map[string]*Module{"lib": lib}
	for name, want := range map[string]string{
		"@lib//nightly.star": "@lib//nightly.star takes link: nightly:2 link:2\n@lib//nightly.star takes verify: nightly:2 verify:2",
		"@lib//main.star":    "@lib//main.star calls link: main:1 link:2\n@lib//main.star calls scan: main:1 scan:2",
		"@lib//greedy.star":  "@lib//greedy.star refused link: go:1 link:2",
	} {
		if got := strings.Join(audited(t, h, name), "\n"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// Whatever is wrong with a file is said as it is where the script is run.
func TestAuditErrors(t *testing.T) {
	t.Parallel()
	dir := tree(t, "syntax.star", "def", "name.star", "lnik(1)", "gone.star", "\nload('none.star', 'x')",
		"deep.star", "x = "+strings.Repeat("[", 2000), "a.star", "load('b.star', 'x')", "b.star", "load('a.star', 'x')\nx = 1")
	_, missing := os.Stat("none.star")
	for name, want := range map[string]string{
		"syntax.star": "syntax.star:1:", "name.star": "undefined: lnik (did you mean link?)",
		"gone.star": "gone.star:2:6: " + missing.Error(), "deep.star": "too deep", "none.star": syscall.ENOENT.Error(),
	} {
		_, err := auditHost().Audit(t.Context(), filepath.Join(dir, name))
		if err == nil || !strings.Contains(below(dir, err.Error()), want) {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
	if _, err := auditHost().Audit(t.Context(), filepath.Join(dir, "a.star")); err != nil {
		t.Errorf("a circle, which running tells: %v", err)
	}
}

func audited(t *testing.T, h *Host, name string) (lines []string) {
	t.Helper()
	audits, err := h.Audit(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range audits {
		for _, r := range a.Reach {
			what, way := "", ""
			if r.What != "" {
				what = "(" + r.What + ")"
			}
			for _, s := range r.Path {
				way += fmt.Sprintf(" %s:%d", s.Name, s.Pos.Line)
			}
			lines = append(lines, fmt.Sprintf("%s %s %s%s:%s", a.File, r.How, r.Name, what, way))
		}
	}
	return lines
}
