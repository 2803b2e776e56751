package builtins

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"phlb/engine/config"
	"phlb/runtime"
)

// TestGrants holds that a script of a module has the effects that it is granted,
// one by one, and that each refusal says where and what would permit it.
func TestGrants(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ kind, builtin, call, deed string }{
		{"read", "scan", "scan(SOURCE)", "read files or directories"},
		{"read", "hash", `hash(SOURCE + "/a")`, "read files or directories"},
		{"read", "diff", "snapshots()[0].diff(SOURCE)", "read files or directories"},
		{"link", "link", "link(GIVEN)", "make snapshots"},
		{"link", "add", "add()", "make snapshots"},
		{"remove", "remove", "remove([])", "remove snapshots"},
		{"remove", "remove", "snapshots()[1].remove()", "remove snapshots"},
		{"restore", "restore", `restore("source", SOURCE + "/../to")`, "restore"},
		{"restore", "restore", `snapshots()[0].restore(SOURCE + "/../to")`, "restore"},
		{"heal", "verify(heal=True)", `verify(snapshots()[0], heal = True)`, "heal snapshots"},
	} {
		t.Run(test.call, func(t *testing.T) {
			l := newLab(t, "a", "content")
			l.run("link(scan(SOURCE))\nlink(scan(SOURCE))", "")
			script := "x = snapshots()\ndef main():\n    " + strings.ReplaceAll(test.call, "GIVEN", "scan(SOURCE)")
			s := l.session
			s.Engine.Config.Path, s.Engine.Config.Trusted = filepath.Join(l.dir, "phlb.toml"), true
			s.Module = "acme"
			s.Allow.Effects = slices.DeleteFunc(slices.Clone(config.Effects), func(k string) bool { return k == test.kind })
			before := l.snapshots()
			want := "test.star:3:" // the column is that of the call
			err := l.fails(script, test.builtin+": the script may not "+test.deed+": put effects = [\""+test.kind+"\"] under [allow.acme] into phlb.toml, or run phlb with --allow-"+test.kind)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v has no line", err)
			}
			var denied *Denied
			if !errors.As(err, &denied) || denied.Kind != test.kind {
				t.Errorf("error %v (%T) denies no %s", err, err, test.kind)
			}
			if _, err := os.Stat(filepath.Join(l.dir, "to")); err == nil || !slices.Equal(before, l.snapshots()) {
				t.Error("there was an effect")
			}
			s.Allow.Effects = append(s.Allow.Effects, test.kind)
			l.run(script, "")
			s.Module = ""
			l.run("link(scan(SOURCE))", "")
			s.Deny = []string{test.kind}
			l.fails(script, test.builtin+": the script may not "+test.deed+": --deny-"+test.kind+" wins over all that permits it")
		})
	}
}

// What only looks at backups is free for all, and so is what has no effect.
func TestGrantsOfNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "content")
	l.run("link(scan(SOURCE))\nlink(scan(SOURCE))", "")
	l.session.Module = "acme"
	l.run(`
all = snapshots()
print(len(all), verify(all[0]).ok, all[0].diff(all[1]), len(list(query("SELECT path FROM versions"))), all[0].stat().files)
`, "2 True [] 2 1")
}

// What a script of a module may run, ask and read of the environment is what the
// module is granted; a denial wins, and a sandbox has nothing.
func TestGrantsBesideEffects(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s, settings := l.session, l.session.Engine.Config
	settings.Path, settings.Trusted = filepath.Join(l.dir, "phlb.toml"), true
	settings.AllowRun, settings.AllowNet, settings.AllowEnv = []string{"true", "id"}, []string{"localhost"}, []string{"HOME"} // not for modules
	settings.Allow = map[string]config.Grant{"acme": {Run: []string{"true"}}}
	s.Module = "acme"
	for script, what := range map[string]string{
		`run(["id"])`:                  `run: "id" is not permitted: put run = ["true", "id"] under [allow.acme] into phlb.toml, or run phlb with --allow-run=id`,
		`http.get("http://localhost")`: `http: "localhost" is not permitted: put net = ["localhost"] under [allow.acme] into phlb.toml, or run phlb with --allow-net=localhost`,
		`env("HOME")`:                  `env: "HOME" is not permitted: put env = ["HOME"] under [allow.acme] into phlb.toml, or run phlb with --allow-env=HOME`,
	} {
		l.fails(script, "test.star:1:")
		l.fails(script, what)
	}
	settings.Trusted = false
	l.fails(`env("HOME")`, "into phlb.toml and say phlb trust "+l.dir+", or run phlb with --allow-env=HOME")
	s.Module, settings.Trusted, settings.AllowRun = "", true, []string{"true"}
	l.fails(`run(["id"])`, `put allow_run = ["true", "id"] into phlb.toml, or run phlb with --allow-run=id`)
	s.Allow, s.Deny = Permissions{Run: []string{"true"}, Net: []string{"localhost"}, Env: []string{"HOME"}}, []string{"run", "net", "env"}
	l.fails(`run(["true"])`, `run: "true" is not permitted: --deny-run wins over all that permits it`)
	l.fails(`http.get("http://localhost")`, `--deny-net wins`)
	l.fails(`env("HOME")`, `--deny-env wins`)
	s.Allow, s.Deny, s.Sandbox = Permissions{}, nil, true
	l.fails(`run(["true"])`, `run: "true" is not permitted: a sandbox permits nothing, whatever phlb.toml says`)
}

// TestIdiom holds that a module has the effects that it is handed by name, that
// it is told so, and that what it was not handed is refused whatever the script has.
func TestIdiom(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "content")
	l.modules = map[string]*runtime.Module{"lib": {Label: "@lib", Origin: "somewhere", Files: fstest.MapFS{
		"nightly.star": {Data: []byte("def nightly(tree, *, link, verify):\n    snap = link(tree)\n    return verify(snap).ok\n")},
		"greedy.star":  {Data: []byte("def nightly(tree):\n    return link(tree)\n")},
		"sly.star":     {Data: []byte("def drop(s): s.remove()\n")},
	}}}
	l.run("load('@lib//nightly.star', 'nightly')\nprint(nightly(scan(SOURCE), link = link, verify = verify))", "True")
	l.fails("load('@lib//greedy.star', 'nightly')",
		"@lib//greedy.star:2:12: undefined: link in a file outside of the script's folder, which works on what it is handed: take link as a parameter, and have the script pass link = link")
	l.fails("load('@lib//sly.star', 'drop')\ndrop(snapshots()[0])",
		"take remove as a parameter in sly.star, and have the script pass remove = lambda x: x.remove()")
	l.session.Module = "acme" // may hand on what it may not itself
	l.session.Allow.Effects = []string{"read"}
	l.fails("load('@lib//nightly.star', 'nightly')\nnightly(scan(SOURCE), link = link, verify = verify)",
		"@lib//nightly.star:2:16: link: the script may not make snapshots")
}
