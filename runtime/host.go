// Package runtime hosts Starlark scripts. It knows nothing of backups: what a
// script can do is what its Host hands in.
//
// Most callers fill a [Host] once, load a script and run it with the rest of
// the command line:
//
//	host := &runtime.Host{Names: names, Pure: pure, Modules: libraries, Now: now, Print: stdout}
//	script, err := host.Load(ctx, "backup.star")
//	…
//	_, err = script.Run(ctx, os.Args[2:])
//
// The parameters of main are the script's command line ([Signature]). What goes
// wrong in a script is an [*Error], which shows the line; what goes wrong on
// its command line is a [*UsageError]. Packages that offer builtins describe
// them in a [Table], return long results as a [Stream], call back in parallel
// through a [Callback], and watch [Context].
//
// Limits, the printer, the context and the permissions of a script hold in
// every module it loads and in every callback.
//
// What runtime does not promise: limits are looked at now and then, so that a script
// may exceed them for a moment, whose code computes is a matter of samples, and a
// builtin that does not watch its context is not interrupted. json.encode puts U+FFFD for bytes that are not
// UTF-8, such as those of an odd file name; strings keep them otherwise.
package runtime

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A Host is what scripts are given. It may load any number of scripts, one at
// a time, and must not change once it has loaded one; the values in Names and
// Pure are frozen then.
type Host struct {
	Names   starlark.StringDict // for the script and the files in its folder and below
	Pure    starlark.StringDict // for modules from elsewhere too; must have no effects
	Modules map[string]*Module  // load("@name//path", …) of a local file reads path in Modules[name]
	Root    string              // the folder that load("//path", …) of a local file means; "" for none
	Now     time.Time           // the one instant that now() gives
	Print   io.Writer           // where print goes; nil discards
	Limits  Limits              // of what a script may compute

	// Strangers are the limits for the code of local files from outside of the
	// script's folder and of Root, and of modules that have an origin, where these
	// have no limits of their own: somebody else may have written it. A script that is
	// itself in such a module has them, too.
	Strangers Limits
	// Exhausted is told that a limit is exceeded, or the context cancelled, and that
	// the script does not notice, since it is within one step that nothing can stop.
	// It is to end the process: what Go does when memory or a stack is full says
	// nothing to a user.
	Exhausted func(error)
	// Sandbox refuses to load local files from elsewhere.
	Sandbox bool

	// Flags are those that the host takes out of every command line, such as
	// "--json". No parameter of main may be called so: it could not be set.
	Flags []string
	// Docs are the tables that Names were made of, for help in a [REPL]: those of
	// functions under "", of methods under the type of their receiver, of the
	// members of a module under its name.
	Docs map[string]Table
	// Confirm is asked before each effect with the call as it would be written;
	// its error is that of the call. If it is nil, effects just happen.
	Confirm func(ctx context.Context, call string) error
	// Result is given what main returns, while the run still lasts: a [Stream]
	// can be read then, and not later. Its error is that of the run.
	Result func(starlark.Value) error
}

// A Script is a script that compiles. If it has a main, its globals have been
// evaluated as well. It may be run several times, one run after another.
type Script struct {
	Signature
	*session
	unit *unit
	main starlark.Callable // nil: the script itself is run
}

// Load reads the script at name, a local path or "@name//path", and
// evaluates its globals if it has a main. A script without one does nothing
// before [Script.Run]. What it loads is looked for beside it, after following
// symbolic links.
func (h *Host) Load(ctx context.Context, name string) (*Script, error) {
	f, err := h.locate(file{}, name)
	if err != nil {
		return nil, err
	}
	return h.load(ctx, f, nil)
}

// LoadSource is Load for a source that is at hand. What the script itself
// loads is looked for beside name.
func (h *Host) LoadSource(ctx context.Context, name string, src []byte) (*Script, error) {
	return h.load(ctx, file{path: name}, append([]byte{}, src...))
}

// load loads a source, which it reads itself if that is nil.
func (h *Host) load(ctx context.Context, f file, src []byte) (*Script, error) {
	s := &Script{session: newSession(h)}
	if f.module != nil && h.strange(f) {
		s.own.limits = f.module.Limits.Over(h.Strangers)
	}
	r := s.begin(ctx)
	defer r.end()
	t := &task{file: f, chain: []file{f}, loading: true}
	thread := s.thread(r, f.String(), t)
	var err error
	if src == nil {
		if src, err = s.read(r, f); err != nil {
			return nil, err
		}
	}
	t.at.Store(s.beginning(f))
	if s.unit, err = s.compile(f, src, s.all); err != nil {
		return nil, err
	}
	if cause, self := r.stopped(); self {
		return nil, &Error{err: cause, Problems: []Problem{s.problem(t.at.Load().pos, cause.Error())}}
	}
	t.shared = s.unit.shared
	s.Signature = Signature{Doc: s.unit.doc}
	if idle := s.unit.idle; idle != nil {
		return nil, s.compileError(idle.NamePos, fmt.Sprintf(
			"the script has no main and calls nothing, so it would do nothing: call this function main instead of %s, or call it at the end", idle.Name))
	}
	if s.unit.empty {
		name := f.String()
		return nil, s.compileError(syntax.MakePosition(&name, 1, 1),
			"the script is empty, so it would do nothing: define a function main, or call something")
	}
	if s.unit.again != nil {
		return nil, s.compileError(s.unit.again.NamePos, fmt.Sprintf(
			"main is defined a second time, and the one of line %d would not be run: give one of them another name", s.unit.main.NamePos.Line))
	}
	if s.unit.main == nil {
		return s, nil
	}
	if s.unit.loaded {
		// Starlark keeps a loaded name within the file, so nothing would run,
		// and a backup that silently does nothing is the worst of outcomes.
		return nil, s.compileError(s.unit.main.NamePos,
			`a loaded main is not run: load it under another name (other = "main") and write main = other`)
	}

	globals, err := s.unit.program.Init(thread, s.all)
	if err := s.settle(r, err); err != nil {
		return nil, err
	}
	if err := freeze(globals); err != nil {
		return nil, s.compileError(s.unit.main.NamePos, err.Error())
	}
	for _, a := range s.parties() {
		a.loaded = a.steps.Load()
	}

	main, ok := globals["main"].(*starlark.Function)
	if !ok {
		return nil, s.compileError(s.unit.main.NamePos, "main is not a function: phlb calls it to run the script")
	}
	s.main = main
	s.Signature = newSignature(main, s.unit.doc)
	for _, p := range s.Params {
		if p.settable() && slices.Contains(h.Flags, p.Flag()) {
			return nil, s.compileError(s.unit.main.NamePos, fmt.Sprintf(
				"main has a parameter %s, but %s is a flag of every script: call it something else", p.Name, p.Flag()))
		}
	}
	return s, nil
}

// Run binds args, the command line after the script's name, and calls main,
// or runs the script if it has none. An args that does not fit is a
// [*UsageError] and a plea for help is [ErrHelp]; nothing has run then.
func (s *Script) Run(ctx context.Context, args []string) (starlark.Value, error) {
	positional, named, err := s.Bind(args)
	if err != nil {
		return nil, err
	}
	return s.Call(ctx, positional, named)
}

// Call is Run for arguments that are Starlark values already. The result may
// be kept, but a [Stream] in it ends with the call.
func (s *Script) Call(ctx context.Context, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	r := s.begin(ctx)
	defer r.end()
	f := s.unit.file
	if s.main != nil {
		thread := s.thread(r, f.String(), &task{file: f})
		v, err := starlark.Call(thread, s.main, args, kwargs)
		if large := tooLarge(v); large != nil && err == nil {
			err = s.compileError(s.unit.main.NamePos, fmt.Sprintf("what main returns: %v", large))
		}
		if err == nil && s.host.Result != nil {
			taskOf(thread).rest()
			err = s.host.Result(v)
		}
		return v, s.settle(r, err)
	}
	if len(args)+len(kwargs) > 0 {
		return nil, fmt.Errorf("call %s: it has no main, and so takes no arguments", f)
	}
	thread := s.thread(r, f.String(), &task{file: f, chain: []file{f}, shared: s.unit.shared})
	_, err := s.unit.program.Init(thread, s.all)
	return starlark.None, s.settle(r, err)
}
