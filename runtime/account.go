package runtime

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	goruntime "runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Starlark counts the steps of a thread, and does not say whose code takes them. So
// threads are looked at now and then, between two steps: whose function is the
// innermost one then is charged with what was computed since the look before. Over
// many looks that comes to what each has computed. How much memory a value takes is
// nobody's alone; a module is charged with what the process grows by while its code
// is at work.

// An account is what one party to a script may compute and has: the script itself,
// with what comes with the program, or a module from elsewhere.
type account struct {
	label  string // "" of the script itself
	limits Limits
	steps  atomic.Uint64
	loaded uint64 // steps of evaluating the globals, with which a run begins
}

// A watcher is what one goroutine knows that watches over a run.
type watcher struct {
	*session
	spent   map[*account]time.Duration
	floors  map[*account]uint64 // the memory of the process when the code of a module took over, while it is at work
	collect time.Time           // when garbage is worth collecting again
}

// A place is where a thread was when it was looked at.
type place struct {
	of  *account
	pos syntax.Position
}

const (
	watching = 10 * time.Millisecond
	// maxStack is what the stacks of the process may take. Go ends a process
	// with a stack that outgrows twice this.
	maxStack = 256 << 20
	// grace is how long a script that was told to end may take to notice. One
	// step can be huge, and nothing can stop it.
	grace = time.Second
	// maxSteps is how many steps lie between two looks at a thread. At the
	// beginning there are fewer, so that it is known where a short script is.
	maxSteps = 5000
)

// charge makes an account for a file from elsewhere.
func (s *session) charge(f file) {
	known := *s.accounts.Load()
	if known[f.String()] != nil {
		return
	}
	label, limits := "a file outside of its folder", s.host.Strangers
	if f.module != nil {
		label, limits = f.module.Label, f.module.Limits.Over(limits)
	}
	with := maps.Clone(known)
	for _, a := range known {
		if a.label == label {
			with[f.String()] = a
		}
	}
	if with[f.String()] == nil {
		with[f.String()] = &account{label: label, limits: limits}
	}
	s.accounts.Store(&with) // a whole new one, since other threads may look
}

// accountOf returns whose account a file's code goes to.
func (s *session) accountOf(file string) *account {
	if a := (*s.accounts.Load())[file]; a != nil {
		return a
	}
	return &s.own
}

// look notes where a thread is, and charges what it has computed since the last
// look. It is called before a step of a function of Starlark.
func (s *session) look(r *run, t *task, thread *starlark.Thread) {
	frame := thread.CallFrame(0)
	a := s.accountOf(frame.Pos.Filename())
	t.at.Store(&place{a, frame.Pos})
	total := a.steps.Add(thread.Steps - t.counted)
	t.counted = thread.Steps
	next := min(thread.Steps>>6, maxSteps)
	if next > 1 {
		next = next/2 + rand.Uint64N(next) // what comes at a steady pace must not hide
	}
	next = max(next, 1)
	if most := a.limits.Steps; most > 0 {
		if total >= most {
			r.abort(fmt.Errorf("%w: stopped after %d%s; --limit-steps allows more", ErrMaxSteps, most, a.in()))
		}
		next = min(next, max(most, total+1)-total)
	}
	thread.SetMaxExecutionSteps(thread.Steps + next)
}

// in says whose code it is, if not that of the script.
func (a *account) in() string {
	if a.label == "" {
		return ""
	}
	return " in " + a.label
}

// compute notes that a thread is in a function of Starlark that is written in Go and
// may take long in one step.
func compute(thread *starlark.Thread) {
	if t := taskOf(thread); t != nil && thread.CallStackDepth() > 1 {
		pos := thread.CallFrame(1).Pos
		t.at.Store(&place{t.accountOf(pos.Filename()), pos})
	}
}

// computes notes that n more threads compute, or less. While none does, a
// builtin of the host is at work, which takes what time it needs.
func (r *run) computes(n int32) { r.computing.Add(n) }

// rest notes that a thread does not compute while a builtin of the host is at work,
// and returns where it was, for resume.
func (t *task) rest() *place {
	t.run.Load().computes(-1)
	return t.at.Swap(nil)
}

func (t *task) resume(at *place) {
	t.at.Store(at)
	t.run.Load().computes(1)
}

// watch ends a run that exceeds its limits, or that does not end when it should.
func (s *session) watch(r *run) {
	tick := time.NewTicker(watching)
	defer tick.Stop()
	w := &watcher{session: s, spent: map[*account]time.Duration{}, floors: map[*account]uint64{}}
	var ignored time.Duration
	last := time.Now()
	for {
		var now time.Time
		select {
		case <-r.ended:
			return
		case now = <-tick.C:
		}
		passed := min(now.Sub(last), 10*watching) // the machine may have slept
		last = now
		at := s.active(r)
		if r.computing.Load() <= 0 {
			if err := stacked(); err != nil && s.host.Exhausted != nil {
				s.host.Exhausted(s.lastSeen(err, at, nil))
			}
			continue
		}
		of, hard, err := w.exceeded(at, passed)
		if err != nil {
			r.abort(err)
		} else if cause, self := r.stopped(); cause != nil && !self && (s.live == nil || errors.Is(cause, ErrOver)) {
			err = cause // the user has lost patience
		}
		if err == nil {
			ignored = 0
			continue
		}
		if ignored += passed; (hard || ignored > grace) && s.host.Exhausted != nil {
			s.host.Exhausted(s.lastSeen(err, at, of))
		}
	}
}

// active returns where the threads are that compute.
func (s *session) active(r *run) (at []*place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.threads {
		if p := t.at.Load(); p != nil {
			at = append(at, p)
		}
	}
	return at
}

// exceeded charges the time that has passed. Where a limit is exceeded, it returns on
// whose account, whether there is no time for the script to notice, and the error.
func (w *watcher) exceeded(at []*place, passed time.Duration) (of *account, hard bool, err error) {
	busy := map[*account]bool{}
	for _, p := range at {
		busy[p.of] = true
	}
	if len(busy) == 0 {
		busy[&w.own] = true
	}
	for a := range busy {
		w.spent[a] += passed
		if a.limits.Time > 0 && w.spent[a] > a.limits.Time {
			return a, false, fmt.Errorf("%w: stopped after %v%s; --limit-time allows more", ErrMaxTime, a.limits.Time, a.in())
		}
	}
	if err := stacked(); err != nil {
		return nil, true, err
	}
	heap, stacks := memory()
	for a := range busy {
		if _, at := w.floors[a]; !at && a != &w.own {
			w.floors[a] = heap + stacks
		}
	}
	maps.DeleteFunc(w.floors, func(a *account, _ uint64) bool { return !busy[a] })
	busy[&w.own] = true // what the whole may take is for the user to say
	for a := range busy {
		most := w.floors[a] + a.limits.Memory
		if a.limits.Memory == 0 || heap+stacks <= most {
			continue
		}
		if heap+stacks <= 2*most { // what is garbage does not count
			begun := time.Now()
			if begun.Before(w.collect) {
				continue
			}
			goruntime.GC()
			w.collect = begun.Add(10 * time.Since(begun)) // and finding it must not take all the time
			if heap, stacks = memory(); heap+stacks <= most {
				continue
			}
		}
		err = fmt.Errorf("%w: stopped at %s%s; --limit-memory allows more", ErrMaxMemory, humanize.IBytes(a.limits.Memory), a.in())
		return a, heap > most+max(a.limits.Memory/2, 1<<30), err
	}
	return nil, false, nil
}

// stacked returns an error if the stacks of the process take too much, whoever is at
// work.
func stacked() error {
	if _, stacks := memory(); stacks > maxStack {
		return fmt.Errorf("%w: values lie too deep in each other", ErrMaxMemory)
	}
	return nil
}

// memory returns how much the process has in use.
func memory() (heap, stacks uint64) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64()
}

// lastSeen adds to the error of a script that does not notice it where the script
// was last.
func (s *session) lastSeen(err error, at []*place, of *account) error {
	var seen *place
	for _, p := range at {
		if seen == nil || p.of == of && seen.of != of {
			seen = p
		}
	}
	if seen == nil || !seen.pos.IsValid() {
		return err
	}
	msg := err.Error()
	if errors.Is(err, ErrMaxTime) || errors.Is(err, ErrMaxMemory) {
		msg += "; it was seen here last, in a step that nothing can stop"
	}
	return &Error{err: err, Problems: []Problem{s.problem(seen.pos, msg)}}
}
