package mod

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"phlb/engine/config"
)

// A Change is what a command did to one module.
type Change struct {
	Name string `json:"name"`
	Pin  Pin    `json:"pin"`
	Was  *Pin   `json:"was,omitempty"` // nil: it is new
}

// Get fetches what the phlb.toml declares and the cache lacks, and pins in
// phlb.lock what that does not pin yet. What is pinned stays as it is: if
// something else comes from where it lies, that is an error.
func (p *Project) Get(ctx context.Context) ([]Change, error) {
	return p.resolve(ctx, p.declared, nil)
}

// GetSource fetches a module that no phlb.toml declares, with all that it needs.
func (p *Project) GetSource(ctx context.Context, s Source) ([]Change, error) {
	return p.resolve(ctx, map[string]config.Module{s.Name(): s.Module}, nil)
}

// fetched is a module in one version, in the cache.
type fetched struct {
	pin    Pin
	wishes map[string]config.Module
}

// resolver fetches modules to choose among their versions.
type resolver struct {
	*Project
	anew map[string]bool // sources whose pins do not count
	all  map[string]fetched
}

// resolve makes the lock right for what is declared, and the cache. What the lock
// pins for others stays, since several phlb.toml may share a lock.
func (p *Project) resolve(ctx context.Context, declared map[string]config.Module, anew map[string]bool) ([]Change, error) {
	r := &resolver{p, anew, map[string]fetched{}}
	if len(anew) == 0 && r.complete(declared) {
		return nil, nil
	}
	chosen, err := r.choose(ctx, declared)
	if err != nil {
		return nil, err
	}
	next := maps.Clone(p.lock)
	for name := range p.lock { // what these need is found anew
		for root := range declared {
			if name != root && (strings.HasPrefix(name, below(root, ""))) {
				delete(next, name)
			}
		}
	}
	names := map[string]string{} // by source
	var queue []string
	pin := func(name string, source string) {
		names[source] = name
		next[name] = chosen[source].pin
		queue = append(queue, name)
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		source := p.source(declared[name])
		if twin, twice := names[source]; twice {
			return nil, fmt.Errorf("%s and %s are both %s: declare it once", twin, name, source)
		}
		pin(name, source)
		if d := next[name]; d.Version != "" && d.Version != declared[name].Version {
			d.Declared = declared[name].Version
			next[name] = d
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		wishes := chosen[next[name].source()].wishes
		for _, called := range slices.Sorted(maps.Keys(wishes)) {
			if source := p.source(wishes[called]); names[source] == "" {
				pin(below(name, called), source)
			}
		}
	}
	before := p.lock
	p.lock = next
	bare := *p
	bare.bare = true // what lies in vendor/ may be of before
	nodes, err := bare.graph(declared)
	if err == nil {
		for _, name := range slices.Sorted(maps.Keys(nodes)) {
			if err = nodes[name].Err; err != nil {
				break
			}
		}
	}
	if err != nil {
		p.lock = before
		return nil, err
	}
	var changes []Change
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		if was, ok := before[name]; !ok {
			changes = append(changes, Change{Name: name, Pin: next[name]})
		} else if was != next[name] {
			changes = append(changes, Change{Name: name, Pin: next[name], Was: &was})
		}
	}
	return changes, nil
}

// complete reports whether all that is declared is pinned and there, undamaged, so
// that nothing has to be fetched.
func (r *resolver) complete(declared map[string]config.Module) bool {
	nodes, err := r.graph(declared)
	if err != nil {
		return false
	}
	for _, n := range nodes {
		if n.Err != nil || n.Where != "path" && n.from.check(n.Pin.Hash) != nil {
			return false
		}
	}
	return true
}

// choose finds the version of each module that all are content with, the highest
// that is wished for, and returns by source what has been fetched.
func (r *resolver) choose(ctx context.Context, declared map[string]config.Module) (map[string]fetched, error) {
	type wish struct {
		config.Module
		by string
	}
	best := map[string]wish{} // by source
	seen := map[string]bool{}
	var queue []wish
	add := func(by string, wishes map[string]config.Module) {
		for _, called := range slices.Sorted(maps.Keys(wishes)) {
			queue = append(queue, wish{wishes[called], by})
		}
	}
	add(config.FileName, declared)
	for ; len(queue) > 0; queue = queue[1:] {
		w := queue[0]
		source := r.source(w.Module)
		key := source + " " + w.At()
		other, ok := best[source]
		switch {
		case !ok:
			best[source] = w
		case conflict(other.Module, w.Module):
			return nil, fmt.Errorf("no version of %s will do: %s wishes %s, and %s wishes %s", source, other.by, other.At(), w.by, w.At())
		case higher(w.Module, other.Module):
			best[source] = w
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		if len(seen) > maxModules {
			return nil, fmt.Errorf("more than %d modules need each other, the last of them %s", maxModules, source)
		}
		f, err := r.fetch(ctx, w.Module)
		if err != nil {
			return nil, fmt.Errorf("module %s: %w", strings.TrimSpace(key), err)
		}
		r.all[key] = f
		add(strings.TrimSpace(key), f.wishes)
	}
	chosen := map[string]fetched{}
	for source, w := range best {
		chosen[source] = r.all[source+" "+w.At()]
	}
	return chosen, nil
}

// conflict reports whether no version will do for two wishes.
func conflict(a, b config.Module) bool {
	if a.Commit != "" || b.Commit != "" {
		return a.Commit != b.Commit
	}
	return semver.Major(config.Semver(a.Version)) != semver.Major(config.Semver(b.Version))
}

func higher(a, b config.Module) bool {
	return semver.Compare(config.Semver(a.Version), config.Semver(b.Version)) > 0
}

// pinned returns what the lock says of a module in that version, if it says
// anything.
func (r *resolver) pinned(m config.Module) (Pin, bool) {
	source := r.source(m)
	if r.anew[source] {
		return Pin{}, false
	}
	for _, name := range slices.Sorted(maps.Keys(r.lock)) {
		p := r.lock[name]
		if p.source() == source && p.Version == m.Version && (m.Commit == "" || p.Commit == m.Commit) {
			p.Declared = ""
			return p, true
		}
	}
	return Pin{}, false
}

// fetch gets a module into the cache, unless it is there.
func (r *resolver) fetch(ctx context.Context, m config.Module) (fetched, error) {
	pin, isPinned := r.pinned(m)
	if isPinned && r.Cache.at(pin.Hash).check(pin.Hash) == nil {
		return r.read(pin)
	}
	next := Pin{Git: m.Git, OCI: m.OCI, Path: r.relative(m.Path), Version: m.Version, Commit: m.Commit}
	var f files
	var err error
	switch {
	case m.Git != "":
		f, next.Commit, err = r.fetchPinned(ctx, m, pin.Commit)
	case m.OCI != "":
		f, next.Digest, err = r.Cache.fetchOCI(ctx, m, pin.Digest)
	default:
		f, err = readFolder(r.absolute(next.Path))
	}
	if err != nil {
		return fetched{}, err
	}
	if next.Hash = f.listing().hash(); isPinned && next.Hash != pin.Hash {
		return fetched{}, r.other(pin, f)
	}
	if _, err := r.Cache.put(f); err != nil {
		return fetched{}, err
	}
	return r.read(next)
}

// fetchPinned gets the commit that the lock pins, whatever its tag means by now.
func (r *resolver) fetchPinned(ctx context.Context, m config.Module, commit string) (files, string, error) {
	if commit == "" || m.Commit != "" {
		return r.Cache.fetchGit(ctx, m)
	}
	f, got, err := r.Cache.fetchGit(ctx, config.Module{Git: m.Git, Commit: commit})
	if err == nil {
		return f, got, nil
	}
	f, got, byTag := r.Cache.fetchGit(ctx, m) // where a server does not give commits by their ids
	switch {
	case byTag != nil:
		return nil, "", err
	case got != commit:
		return nil, "", fmt.Errorf("the tag %s in %s is commit %s now, and %s pins %s: somebody has moved it", m.Version, m.Git, got, LockName, commit)
	}
	return f, got, nil
}

// other says that something else was fetched than the lock pins, and if a copy
// tells, in which file.
func (r *resolver) other(pin Pin, f files) error {
	got := f.listing()
	var differences []string
	for name, p := range r.lock {
		if p.Hash != pin.Hash {
			continue
		}
		for _, at := range []copied{r.vendored(name), r.Cache.at(pin.Hash)} {
			want, err := at.read(pin.Hash)
			if err != nil {
				continue
			}
			for _, file := range slices.Sorted(maps.Keys(want)) {
				if sum, ok := got[file]; !ok {
					differences = append(differences, file+" is not there")
				} else if sum != want[file] {
					differences = append(differences, file+" differs")
				}
			}
			for _, file := range slices.Sorted(maps.Keys(got)) {
				if _, ok := want[file]; !ok {
					differences = append(differences, file+" is new")
				}
			}
			break
		}
		break
	}
	which := ""
	if len(differences) > 5 {
		differences = append(differences[:5], "…")
	}
	if len(differences) > 0 {
		which = " (" + strings.Join(differences, ", ") + ")"
	}
	if pin.Path != "" {
		return fmt.Errorf("its files%s are no longer what %s pins, %s: phlb mod update takes them as they are", which, LockName, pin.Hash)
	}
	return fmt.Errorf("what comes from there has the hash %s%s, and %s pins %s: it is not used; either the lock was changed or what lies there was",
		got.hash(), which, LockName, pin.Hash)
}

// read returns a module of the cache with what it declares.
func (r *resolver) read(pin Pin) (fetched, error) {
	n := &Node{Name: pin.Origin(), Pin: pin, from: r.Cache.at(pin.Hash)}
	l, err := n.from.read(pin.Hash)
	if err != nil {
		return fetched{}, err
	}
	n.files, n.listing = pinned(n.from, l), l
	wishes, err := n.wishes()
	return fetched{pin, wishes}, err
}
