package runtime

import (
	"errors"
	"slices"
	"sync"

	"go.starlark.net/starlark"
)

// A Callback is a function of a script that Go code calls from many goroutines
// at once. All that the function can reach is frozen, and effects are refused
// in it.
//
// Make it when the parallel work starts, not when the function arrives: a
// variable that the script binds anew in between would escape the freezing.
// And call it only while the script waits, inside the builtin or inside the
// sequence of a [Stream]: freezing a value does not keep the script from
// rebinding a variable that the function reads.
type Callback struct {
	fn     starlark.Callable
	task   *task
	run    *run
	parent starlark.CallStack
	reuse  bool // fn keeps no argument tuple

	mu      sync.Mutex // guards idle and workers
	idle    []*worker
	workers []*worker
}

// A worker is a thread that serves one call at a time. Threads are kept
// because making one costs more than most calls.
type worker struct {
	thread *starlark.Thread
	task   *task
	args   starlark.Tuple
}

// A callbackError carries the failure of a callback through the Go code that
// called it, so that the thread which waits adds its own stack.
type callbackError struct {
	err    *starlark.EvalError
	parent starlark.CallStack
}

func (e *callbackError) Error() string { return e.err.Msg }
func (e *callbackError) Unwrap() error { return e.err }

// NewCallback makes fn callable in parallel, on behalf of thread. It freezes
// fn and, while the script's globals are still being evaluated, those of them
// that functions mention; later, all of them are frozen anyway.
func NewCallback(thread *starlark.Thread, fn starlark.Callable) *Callback {
	c := &Callback{fn: fn, parent: thread.CallStack()}
	_, c.reuse = fn.(*starlark.Function)
	t := taskOf(thread)
	if t == nil {
		panic("runtime: callback on a thread that no host made")
	}
	compute(thread) // since what is frozen may lie deep
	t.run.Load().computes(1)
	defer t.rest()
	fn.Freeze()
	c.run = t.run.Load()
	c.task = &task{session: t.session, file: t.file, loading: t.loading, parallel: true}
	freezeSome(t.live, t.mentioned)
	if depth := thread.CallStackDepth(); len(t.shared) > 0 && depth > 0 {
		if top, ok := thread.DebugFrame(depth - 1).Callable().(*starlark.Function); ok {
			freezeSome(top.Globals(), t.shared)
		}
	}
	return c
}

func freezeSome(globals starlark.StringDict, names []string) {
	for _, name := range names {
		if v := globals[name]; v != nil {
			v.Freeze()
		}
	}
}

// Call calls the function. Any number of goroutines may be in it. What they compute
// counts together with what the script does.
func (c *Callback) Call(args ...starlark.Value) (starlark.Value, error) {
	w := c.worker()
	w.args = append(w.args[:0], args...)
	tuple := w.args
	if !c.reuse {
		tuple = slices.Clone(tuple)
	}
	c.run.computes(1)
	v, err := starlark.Call(w.thread, c.fn, tuple, nil)
	w.task.at.Store(nil)
	c.run.computes(-1)

	c.mu.Lock()
	c.idle = append(c.idle, w)
	c.mu.Unlock()

	var eval *starlark.EvalError
	if errors.As(err, &eval) {
		err = &callbackError{err: eval, parent: c.parent}
	}
	return v, err
}

func (c *Callback) worker() *worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.idle); n > 0 {
		w := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return w
	}
	t := &task{session: c.task.session, file: c.task.file, loading: c.task.loading, parallel: true}
	w := &worker{thread: c.task.thread(c.run, c.fn.Name(), t), task: t}
	c.workers = append(c.workers, w)
	return w
}

// Close lets go of the threads before the run ends. Nothing calls the function
// any more by then.
func (c *Callback) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.workers {
		c.run.forget(w.thread)
	}
	c.workers, c.idle = nil, nil
}
