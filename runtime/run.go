package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"go.starlark.net/starlark"
)

// A session is all that the threads of one script have in common.
type session struct {
	host      *Host
	all, pure starlark.StringDict // predeclared here, and in modules from elsewhere
	sources   map[string]string   // by file name, for error messages
	modules   map[instance]starlark.StringDict
	own       account                             // what the script itself computes
	accounts  atomic.Pointer[map[string]*account] // by file name: of modules from elsewhere
	foreign   map[string]bool                     // by file name: modules from elsewhere that were loaded
	run       atomic.Pointer[run]                 // the one under way, or the last

	live      starlark.StringDict // the globals of a REPL, with all; nil: it is none
	mentioned []string            // those that callbacks may reach
}

// A run is one evaluation of a script's globals or one call of it, under one
// context.
type run struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	unhook func() bool
	ended  chan struct{}

	computing atomic.Int32 // threads that are in no builtin of the host

	printing sync.Mutex // lines of parallel callbacks do not mix
	mu       sync.Mutex // guards threads
	threads  map[*starlark.Thread]*task
}

// A task is what a thread is for. Each thread holds one, as a local.
type task struct {
	*session
	file     file     // being evaluated
	chain    []file   // the loads that led to it, itself last
	loading  bool     // globals of a module: no effects
	pure     bool     // a module from elsewhere
	parallel bool     // a callback: no effects either
	shared   []string // globals that callbacks may reach, while not frozen yet

	counted uint64                // steps that are charged already
	at      atomic.Pointer[place] // where the thread computes, as far as is known; nil: it does not
}

// An aborted is the cause of a run that ended itself, as opposed to one whose
// caller cancelled it.
type aborted struct{ err error }

func (a *aborted) Error() string { return a.err.Error() }
func (a *aborted) Unwrap() error { return a.err }

const taskKey = "phlb/runtime"

func newSession(h *Host) *session {
	s := &session{
		host:    h,
		all:     make(starlark.StringDict),
		pure:    library(h.Now),
		sources: make(map[string]string),
		modules: make(map[instance]starlark.StringDict),
		foreign: make(map[string]bool),
	}
	s.own.limits = h.Limits
	s.accounts.Store(&map[string]*account{})
	maps.Copy(s.pure, guarded())
	maps.Copy(s.pure, h.Pure)
	maps.Copy(s.all, s.pure)
	maps.Copy(s.all, h.Names)
	s.all.Freeze()
	return s
}

// begin starts a run. What a script made while its globals were evaluated, a
// Stream say, takes part in whichever run is under way.
func (s *session) begin(parent context.Context) *run {
	r := &run{threads: make(map[*starlark.Thread]*task), ended: make(chan struct{})}
	r.computes(1)
	for _, a := range s.parties() {
		a.steps.Store(a.loaded)
	}
	r.ctx, r.cancel = context.WithCancelCause(parent)
	r.unhook = context.AfterFunc(r.ctx, r.cancelThreads)
	s.run.Store(r)
	go s.watch(r)
	return r
}

// parties returns the accounts of the script and its modules.
func (s *session) parties() []*account {
	return append(slices.Collect(maps.Values(*s.accounts.Load())), &s.own)
}

func (r *run) end() {
	close(r.ended)
	r.unhook()
	r.cancel(nil)
}

// abort ends the run with err, on all its threads. They stop before the next
// step they take, so none of them mistakes what it has so far for the whole.
func (r *run) abort(err error) {
	r.cancel(&aborted{err})
	r.cancelThreads()
}

func (r *run) cancelThreads() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for t := range r.threads {
		t.Cancel(context.Cause(r.ctx).Error())
	}
}

// stopped returns why the run was cancelled, and whether it did that itself;
// nil if it was not.
func (r *run) stopped() (cause error, self bool) {
	if r.ctx.Err() == nil {
		return nil, false
	}
	cause = context.Cause(r.ctx)
	var a *aborted
	switch {
	case errors.As(cause, &a):
		return a.err, true
	case errors.Is(cause, r.ctx.Err()):
		return cause, false
	default:
		return fmt.Errorf("%w: %w", r.ctx.Err(), cause), false
	}
}

// thread makes a thread of the run. Threads inherit nothing from each other in
// Starlark, so all of them are made here.
func (s *session) thread(r *run, name string, t *task) *starlark.Thread {
	t.session = s
	thread := &starlark.Thread{
		Name:       name,
		Load:       s.loadModule,
		Print:      func(_ *starlark.Thread, msg string) { s.println(r, msg) },
		OnMaxSteps: func(thread *starlark.Thread) { s.look(r, t, thread) },
	}
	thread.SetMaxExecutionSteps(1)
	thread.SetLocal(taskKey, t)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.threads[thread] = t
	if r.ctx.Err() != nil {
		thread.Cancel(context.Cause(r.ctx).Error())
	}
	return thread
}

func (r *run) forget(thread *starlark.Thread) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.threads, thread)
}

func (s *session) println(r *run, msg string) {
	if s.host.Print == nil {
		return
	}
	r.printing.Lock()
	_, err := io.WriteString(s.host.Print, msg+"\n")
	r.printing.Unlock()
	if err != nil {
		r.abort(fmt.Errorf("print: %w", err))
	}
}

// taskOf returns nil for a thread that is none of ours.
func taskOf(thread *starlark.Thread) *task {
	t, _ := thread.Local(taskKey).(*task)
	return t
}

// Context returns the context of the run that thread takes part in. Builtins
// that take long watch it: Starlark notices a cancellation only between the
// steps of a script. Ask for it when work starts, not when a lazy value is
// made, because the value may outlive the run.
func Context(thread *starlark.Thread) context.Context {
	if t := taskOf(thread); t != nil {
		return t.run.Load().ctx
	}
	return context.Background()
}

// Err returns why the run that thread takes part in was cancelled, and nil
// while it was not. A builtin that has iterated over a script's iterable looks
// here before it takes what it got for the whole.
func Err(thread *starlark.Thread) error {
	t := taskOf(thread)
	if t == nil {
		return nil
	}
	err, _ := t.run.Load().stopped()
	return err
}

// Effect returns an error unless the builtin called name may have effects on
// this thread now, a [UsageError] where they never may. Builtins with Effect set have this built in; those whose
// effect depends on an argument call it themselves.
func Effect(thread *starlark.Thread, name string) error {
	return effect(thread, name, func() string { return name })
}

func effect(thread *starlark.Thread, name string, call func() string) error {
	t := taskOf(thread)
	switch {
	case t == nil:
		return Usagef("%s has an effect, and no host permits it here", name)
	case t.parallel:
		return Usagef("%s has an effect, and callbacks run in parallel: collect what it needs and call it afterwards", name)
	case t.loading:
		return Usagef("%s has an effect, and %s is still being loaded: move the call into main or a function that main calls", name, t.file)
	}
	if confirm := t.host.Confirm; confirm != nil {
		return Failure(confirm(t.run.Load().ctx, call()))
	}
	return nil
}
