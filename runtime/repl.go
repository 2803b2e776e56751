package runtime

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A REPL evaluates one statement after the other with the same globals. A
// function sees them as they are when it is called, not as they were when it
// was defined. Limits, context and permissions hold as in scripts, and what
// callbacks can reach is frozen when they are first called.
//
// It is used by one goroutine.
type REPL struct {
	*session
	file file
	text strings.Builder // all that was evaluated, for error messages
	last int             // line of that

	clock starlark.StringDict // the names that tell the time, as of the last statement
}

// ErrOver is among the causes of a context that ends a [REPL]. One that is cancelled
// without it stops a statement, and leaves it the time that its last step takes: what
// the user has made in the session would be lost with the process.
var ErrOver = errors.New("ended")

// Last is the global that holds the last result.
const Last = "_"

// replDialect keeps what is loaded for the statements that follow.
var replDialect = func() *syntax.FileOptions {
	d := *dialect
	d.LoadBindsGlobally = true
	return &d
}()

// NewREPL returns a REPL whose statements are reported as being of the file
// called name; what they load is looked for beside it. It has a builtin more
// than scripts, help.
func (h *Host) NewREPL(name string) *REPL {
	r := &REPL{session: newSession(h), file: file{path: name}}
	r.live = maps.Clone(r.all)
	r.live["help"] = r.helpBuiltin().Value()
	r.clock = starlark.StringDict{"now": r.all["now"], "time": r.all["time"]}
	return r
}

// SetNow sets the instant that now() gives, from the next statement on.
func (r *REPL) SetNow(now time.Time) {
	fresh := library(now)
	for name, old := range r.clock {
		if r.live[name] == old { // and not one of the user's own
			r.live[name] = fresh[name]
		}
		r.clock[name] = fresh[name]
	}
}

// Eval evaluates src, of which the first line is that number in the file. If it
// ends in an expression whose value is not None, that is kept in [Last], and
// show is called with it while the run still lasts. Modules are read anew.
//
// What goes wrong is an [*Error]; all that had been assigned by then stays.
func (r *REPL) Eval(ctx context.Context, line int, src string, show func(starlark.Value) error) error {
	tree, err := r.parse(line, src)
	if err != nil {
		return err
	}
	var last syntax.Expr
	if n := len(tree.Stmts); n > 0 {
		if stmt, ok := tree.Stmts[n-1].(*syntax.ExprStmt); ok {
			last, tree.Stmts = stmt.X, tree.Stmts[:n-1]
		}
	}
	return r.within(ctx, func(run *run) error {
		if len(tree.Stmts) > 0 {
			if err := r.exec(run, tree); err != nil {
				return err
			}
		}
		if last == nil {
			return nil
		}
		if _, err := resolve.ExprOptions(replDialect, last, r.live.Has, starlark.Universe.Has); err != nil {
			return r.unresolved(err, last, r.live)
		}
		r.mention(last)
		v, err := starlark.EvalExprOptions(replDialect, r.statement(run), last, r.live)
		if err != nil || v == starlark.None {
			return err
		}
		r.live[Last] = v
		return show(v)
	})
}

// Call calls a function, as Eval does.
func (r *REPL) Call(ctx context.Context, fn starlark.Callable, args starlark.Tuple, show func(starlark.Value) error) error {
	return r.within(ctx, func(run *run) error {
		v, err := starlark.Call(r.statement(run), fn, args, nil)
		if err != nil || v == starlark.None {
			return err
		}
		r.live[Last] = v
		return show(v)
	})
}

// Load evaluates a file as if it stood here, with its effects, and takes over
// its globals.
func (r *REPL) Load(ctx context.Context, name string) error {
	f, err := r.host.locate(r.file, name)
	if err != nil {
		return err
	}
	return r.within(ctx, func(run *run) error {
		src, err := r.read(run, f)
		if err != nil {
			return err
		}
		u, err := r.compile(f, src, r.live)
		if err != nil {
			return err
		}
		r.mentioned = append(r.mentioned, u.shared...)
		thread := r.thread(run, f.String(), &task{file: f, chain: []file{f}, shared: u.shared})
		globals, err := u.program.Init(thread, r.live)
		maps.Copy(r.live, globals)
		return err
	})
}

// Names lists the globals, builtins among them.
func (r *REPL) Names() []string { return written(r.live) }

// within runs f as one run. What is left of earlier ones takes part in it.
func (r *REPL) within(ctx context.Context, f func(*run) error) error {
	run := r.begin(ctx)
	defer run.end()
	clear(r.modules)
	return r.settle(run, f(run))
}

// statement returns a thread for a statement.
func (r *REPL) statement(run *run) *starlark.Thread {
	return r.thread(run, r.file.String(), &task{file: r.file, chain: []file{r.file}})
}

// parse parses src, and notes it where errors look for their lines.
func (r *REPL) parse(line int, src string) (*syntax.File, error) {
	name := r.file.String()
	line = max(line, r.last+1)
	for ; r.last < line-1; r.last++ {
		r.text.WriteByte('\n')
	}
	src = strings.TrimRight(src, "\r\n") + "\n"
	r.text.WriteString(src)
	r.last += strings.Count(src, "\n")
	r.sources[name] = r.text.String()
	if pos, ok := firstNonUTF8(name, []byte(src)); !ok {
		pos.Line += int32(line - 1)
		return nil, r.compileError(pos, "not UTF-8")
	}
	if pos, err := firstExcess(name, src); err != nil {
		pos.Line += int32(line - 1)
		return nil, r.compileError(pos, err.Error())
	}
	tree, err := replDialect.Parse(name, strings.Repeat("\n", line-1)+src, 0)
	if err != nil {
		return nil, r.compileErrors(err)
	}
	bound(tree)
	return tree, nil
}

// exec runs statements. A global that they bind anew is one of theirs until
// they are done; one that there was already is set at once, so that functions
// which read it see that.
func (r *REPL) exec(run *run, tree *syntax.File) error {
	r.rebind(tree.Stmts)
	program, err := starlark.FileProgram(tree, func(name string) bool { return r.live.Has(name) || name == store })
	if err != nil {
		return r.unresolved(err, tree, r.live)
	}
	r.mention(tree)
	thread := r.statement(run)
	taskOf(thread).shared = mentionedInFunctions(tree)
	r.live[store] = variables(r.live)
	defer delete(r.live, store)
	globals, err := program.Init(thread, r.live)
	maps.Copy(r.live, globals)
	return err
}

func (r *REPL) mention(tree syntax.Node) {
	for _, name := range mentionedInFunctions(tree) {
		if !slices.Contains(r.mentioned, name) {
			r.mentioned = append(r.mentioned, name)
		}
	}
}

// store is what statements assign to their variables through. Nobody can write
// this name.
const store = " globals"

// variables are the globals, to be set by name.
type variables starlark.StringDict

var _ starlark.HasSetKey = variables(nil)

func (v variables) String() string        { return "globals" }
func (v variables) Type() string          { return "globals" }
func (v variables) Freeze()               {}
func (v variables) Truth() starlark.Bool  { return true }
func (v variables) Hash() (uint32, error) { return 0, nil }

// Get returns a global.
func (v variables) Get(key starlark.Value) (starlark.Value, bool, error) {
	x, ok := v[string(key.(starlark.String))]
	return x, ok, nil
}

// SetKey sets a global.
func (v variables) SetKey(key, x starlark.Value) error {
	v[string(key.(starlark.String))] = x
	return nil
}

// rebind turns x = 1, for each x that there is, into globals["x"] = 1.
func (r *REPL) rebind(stmts []syntax.Stmt) {
	for _, stmt := range stmts {
		switch stmt := stmt.(type) {
		case *syntax.AssignStmt:
			stmt.LHS = r.target(stmt.LHS)
		case *syntax.ForStmt:
			stmt.Vars = r.target(stmt.Vars)
			r.rebind(stmt.Body)
		case *syntax.WhileStmt:
			r.rebind(stmt.Body)
		case *syntax.IfStmt:
			r.rebind(stmt.True)
			r.rebind(stmt.False)
		}
	}
}

// target returns what is to be assigned to in the place of x.
func (r *REPL) target(x syntax.Expr) syntax.Expr {
	switch x := x.(type) {
	case *syntax.Ident:
		if r.live.Has(x.Name) {
			return &syntax.IndexExpr{
				X: &syntax.Ident{Name: store, NamePos: x.NamePos}, Lbrack: x.NamePos, Rbrack: x.NamePos,
				Y: &syntax.Literal{Token: syntax.STRING, TokenPos: x.NamePos, Raw: x.Name, Value: x.Name},
			}
		}
	case *syntax.ParenExpr:
		x.X = r.target(x.X)
	case *syntax.TupleExpr:
		for i := range x.List {
			x.List[i] = r.target(x.List[i])
		}
	case *syntax.ListExpr:
		for i := range x.List {
			x.List[i] = r.target(x.List[i])
		}
	}
	return x
}
