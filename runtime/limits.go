package runtime

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"runtime/metrics"
	"time"

	"github.com/dustin/go-humanize"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Limits bound what a script may compute. Zero is no limit.
type Limits struct {
	Steps  uint64
	Time   time.Duration // spent computing: how long builtins of the host take does not count
	Memory uint64        // bytes of the process, looked at while a script computes
}

// Strangers are limits for scripts that somebody else wrote.
var Strangers = Limits{Steps: 1e8, Time: time.Minute, Memory: 256 << 20}

// Over returns the limits with those of other where they have none.
func (l Limits) Over(other Limits) Limits {
	if l.Steps == 0 {
		l.Steps = other.Steps
	}
	if l.Time == 0 {
		l.Time = other.Time
	}
	if l.Memory == 0 {
		l.Memory = other.Memory
	}
	return l
}

// ErrMaxSteps, ErrMaxTime and ErrMaxMemory are the ends of scripts that exceed
// their [Limits].
var (
	ErrMaxSteps  = errors.New("the script takes too many steps")
	ErrMaxTime   = errors.New("the script computes for too long")
	ErrMaxMemory = errors.New("the script needs too much memory")
)

const (
	watching = 10 * time.Millisecond
	// maxStack is what the stacks of the process may take. Go ends a process
	// with a stack that outgrows twice this.
	maxStack = 256 << 20
	// grace is how long a script that was told to end may take to notice. One
	// step can be huge, and nothing can stop it.
	grace = time.Second
)

// computes notes that n more threads compute, or less. While none does, a
// builtin of the host is at work, which takes what time it needs.
func (r *run) computes(n int32) { r.computing.Add(n) }

// watch ends a run that exceeds its limits.
func (s *session) watch(r *run) {
	tick := time.NewTicker(watching)
	defer tick.Stop()
	var spent, ignored time.Duration
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
		if r.computing.Load() <= 0 {
			continue
		}
		spent += passed
		err, hard := s.exceeded(spent)
		if err == nil {
			ignored = 0
			continue
		}
		r.abort(err)
		if ignored += passed; (hard || ignored > grace) && s.host.Exhausted != nil {
			s.host.Exhausted(err)
		}
	}
}

// exceeded returns which limit is exceeded, nil if none is, and whether there
// is no time for the script to notice.
func (s *session) exceeded(spent time.Duration) (err error, hard bool) {
	limits := s.limits.Load()
	if limits.Time > 0 && spent > limits.Time {
		return fmt.Errorf("%w: stopped after %v; --limit-time allows more", ErrMaxTime, limits.Time), false
	}
	heap, stacks := memory()
	if stacks > maxStack {
		return fmt.Errorf("%w: values lie too deep in each other", ErrMaxMemory), true
	}
	if limits.Memory == 0 || heap+stacks <= limits.Memory {
		return nil, false
	}
	if heap+stacks <= 2*limits.Memory {
		goruntime.GC() // what is garbage does not count
		if heap, stacks = memory(); heap+stacks <= limits.Memory {
			return nil, false
		}
	}
	return fmt.Errorf("%w: stopped at %s; --limit-memory allows more", ErrMaxMemory, humanize.IBytes(limits.Memory)), heap > limits.Memory+max(limits.Memory/2, 1<<30)
}

// memory returns how much the process has in use.
func memory() (heap, stacks uint64) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64()
}

// tighten makes the limits those for strangers, as soon as the script loads
// something of theirs, for all that it computes from then on.
func (s *session) tighten(thread *starlark.Thread) {
	if s.strange {
		return
	}
	s.strange = true
	limits := s.host.Strangers
	if limits.Steps > 0 {
		limits.Steps += thread.Steps
		thread.SetMaxExecutionSteps(limits.Steps)
	}
	s.limits.Store(&limits)
}

// maxElements is how many elements a function of Starlark may gather in one
// step.
const maxElements = 1 << 27

// guarded are functions of Starlark that see to it that what they are given is
// neither too long nor too deep: no limit can end one step.
func guarded() starlark.StringDict {
	names := make(starlark.StringDict)
	guard := func(check func(starlark.Value) error, functions ...string) {
		for _, name := range functions {
			original := starlark.Universe[name].(*starlark.Builtin)
			names[name] = starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
				for _, arg := range args {
					if err := check(arg); err != nil {
						return nil, Usagef("%s: %v", name, err)
					}
				}
				return original.CallInternal(thread, args, kwargs)
			})
		}
	}
	guard(func(v starlark.Value) error {
		if sequence, ok := v.(starlark.Sequence); ok && sequence.Len() > maxElements {
			return fmt.Errorf("%s elements are too many at once", humanize.Comma(int64(sequence.Len())))
		}
		return nil
	}, "list", "tuple", "sorted", "set", "enumerate", "reversed", "zip")
	guard(tooDeep, "print", "str", "repr", "fail")
	return names
}

// freeze freezes globals, which goes as deep as they do.
func freeze(globals starlark.StringDict) error {
	for _, name := range globals.Keys() {
		if err := tooDeep(globals[name]); err != nil {
			return fmt.Errorf("global %s: %w", name, err)
		}
	}
	globals.Freeze()
	return nil
}

// tooDeep returns an error for a value that lies deeper in others than maxDepth.
func tooDeep(v starlark.Value) error {
	type level struct {
		value starlark.Value
		depth int
	}
	seen := map[any]bool{} // what several hold is looked at once
	todo := []level{{v, 0}}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if at.depth > maxDepth {
			return errDeep
		}
		push := func(v starlark.Value) {
			switch v.(type) {
			case *starlark.List, starlark.Tuple, *starlark.Dict, *starlark.Set, *starlarkstruct.Struct:
				todo = append(todo, level{v, at.depth + 1})
			}
		}
		switch v := at.value.(type) {
		case *starlark.List:
			if seen[v] {
				continue
			}
			seen[v] = true
			for i := range v.Len() {
				push(v.Index(i))
			}
		case starlark.Tuple:
			if len(v) == 0 || seen[&v[0]] {
				continue
			}
			seen[&v[0]] = true
			for _, element := range v {
				push(element)
			}
		case *starlark.Dict:
			if seen[v] {
				continue
			}
			seen[v] = true
			for key, value := range v.Entries() {
				push(key)
				push(value)
			}
		case *starlark.Set:
			for element := range v.Elements() {
				push(element)
			}
		case *starlarkstruct.Struct:
			if seen[v] {
				continue
			}
			seen[v] = true
			for _, name := range v.AttrNames() {
				if field, err := v.Attr(name); err == nil && field != nil {
					push(field)
				}
			}
		}
	}
	return nil
}
