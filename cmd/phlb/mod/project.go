package mod

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"phlb/engine/config"
	"phlb/runtime"
)

// A Project is a phlb.toml with its modules: what it declares, what phlb.lock
// beside it pins, and where the copies lie.
type Project struct {
	Dir   string // the folder of phlb.toml, absolute
	Cache *Cache
	Dry   bool // write nothing but to the cache

	declared map[string]config.Module
	lock     lock
	bare     bool // as if there were no vendor/
}

// Open reads the lock in the folder of a phlb.toml that declares these modules.
func Open(dir string, declared map[string]config.Module, cache *Cache) (*Project, error) {
	lock, err := readLock(dir)
	if err != nil {
		return nil, err
	}
	return &Project{Dir: dir, Cache: cache, declared: declared, lock: lock}, nil
}

// Declared returns what the phlb.toml declares under a name.
func (p *Project) Declared(name string) (config.Module, bool) {
	m, ok := p.declared[name]
	return m, ok
}

// undeclared returns what the lock pins of a module that no phlb.toml declares,
// under the name that it has there.
func (l lock) undeclared() map[string]config.Module {
	found := map[string]config.Module{}
	for name, p := range l {
		if strings.Contains(name, ":") && !strings.Contains(name, needs) {
			m := config.Module{Git: p.Git, OCI: p.OCI, Version: p.Version}
			if m.Version == "" {
				m.Commit = p.Commit
			}
			found[name] = m
		}
	}
	return found
}

// needs stands in the name of a pin between the module that needs it and what it
// is called there, where the first is not declared.
const needs = " needs "

// below names a module that another one needs.
func below(name, dependency string) string {
	if strings.Contains(name, ":") && !strings.Contains(name, needs) {
		return name + needs + dependency
	}
	return name + "." + dependency
}

// A Node is a module in its place: what it is pinned to, and what it needs.
type Node struct {
	Name string
	Pin  Pin
	// Needs are the names of other nodes, by the names that its own files use.
	Needs map[string]string
	// Err says why it cannot be read, such as that it has to be fetched first.
	Err error

	from    copied
	files   fs.ReadFileFS // nil where Err says why
	listing listing       // of the files
	Where   string        // "vendor", "cache" or "path"
}

// graph walks from the declared modules to those that they need, nearest first.
// The name of each depends on what is declared alone. A node that cannot be read
// has an error and needs nothing.
func (p *Project) graph(declared map[string]config.Module) (map[string]*Node, error) {
	nodes := map[string]*Node{}
	names := map[string]string{} // of nodes, by source
	var queue []string
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		m := declared[name]
		source := p.source(m)
		if twin, twice := names[source]; twice {
			return nil, fmt.Errorf("%s and %s are both %s: declare it once", twin, name, source)
		}
		names[source] = name
		nodes[name] = p.node(name, m, true)
		queue = append(queue, name)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		node := nodes[queue[0]]
		if node.Err != nil {
			continue
		}
		wishes, err := node.wishes()
		if err != nil {
			node.Err = err
			continue
		}
		node.Needs = map[string]string{}
		for _, called := range slices.Sorted(maps.Keys(wishes)) {
			wish := wishes[called]
			source := p.source(wish)
			name, seen := names[source]
			if !seen {
				name = below(node.Name, called)
				names[source] = name
				nodes[name] = p.node(name, wish, false)
				queue = append(queue, name)
			}
			node.Needs[called] = name
			if pin := nodes[name].Pin; nodes[name].Err == nil && !satisfies(pin, wish) {
				nodes[name].Err = p.outdated(name, "%s needs %s %s, and %s pins %s", node.Name, source, wish.At(), LockName, at(pin))
			}
		}
	}
	return nodes, cycle(nodes)
}

// cycle returns an error if modules need each other.
func cycle(nodes map[string]*Node) error {
	done := map[string]bool{}
	var visit func(name string, chain []string) error
	visit = func(name string, chain []string) error {
		if i := slices.Index(chain, name); i >= 0 {
			return fmt.Errorf("modules need each other: %s", strings.Join(append(chain[i:], name), " -> "))
		}
		if done[name] {
			return nil
		}
		node := nodes[name]
		for _, next := range slices.Sorted(maps.Values(node.Needs)) {
			if err := visit(next, append(chain, name)); err != nil {
				return err
			}
		}
		done[name] = true
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		if err := visit(name, nil); err != nil {
			return err
		}
	}
	return nil
}

// source is what two declarations of one module have in common. Paths are told as
// the lock has them.
func (p *Project) source(m config.Module) string {
	m.Path = p.relative(m.Path)
	return m.Source()
}

// relative is a path as the lock has it, which is the same on every machine that
// has the folder in the same place beside phlb.toml.
func (p *Project) relative(path string) string {
	if rel, err := filepath.Rel(p.Dir, path); path != "" && filepath.IsAbs(path) && err == nil {
		path = rel
	}
	return filepath.ToSlash(path)
}

// at tells the version, or what there is in its place.
func at(p Pin) string {
	if p.Version != "" {
		return p.Version
	}
	return p.Commit
}

// satisfies reports whether a pin will do for what a module wishes.
func satisfies(p Pin, wish config.Module) bool {
	switch {
	case wish.Path != "":
		return true
	case wish.Commit != "":
		return p.Version == "" && p.Commit == wish.Commit
	case p.Version == "":
		return false
	}
	have, want := config.Semver(p.Version), config.Semver(wish.Version)
	return semver.Major(have) == semver.Major(want) && semver.Compare(have, want) >= 0
}

func (p *Project) outdated(name, format string, args ...any) error {
	return fmt.Errorf("module %s: %s: phlb mod get makes %s anew", name, fmt.Sprintf(format, args...), LockName)
}

// node finds a pinned module, and its copy.
func (p *Project) node(name string, wish config.Module, direct bool) *Node {
	n := &Node{Name: name}
	pin, ok := p.lock[name]
	switch {
	case !ok:
		n.Pin = Pin{Git: wish.Git, OCI: wish.OCI, Path: p.relative(wish.Path), Version: wish.Version, Commit: wish.Commit}
		n.Err = fmt.Errorf("module %s (%s) is not in %s: %w", name, n.Pin.Origin(), filepath.Join(p.Dir, LockName), ErrMissing)
		return n
	case pin.source() != p.source(wish):
		n.Pin = pin
		n.Err = p.outdated(name, "it is %s, and %s pins %s", p.source(wish), LockName, pin.source())
		return n
	case direct && !asDeclared(pin, wish):
		n.Pin = pin
		n.Err = p.outdated(name, "%s asks for %s, and %s pins %s", config.FileName, wish.At(), LockName, at(pin))
		return n
	}
	n.Pin = pin
	p.open(n)
	return n
}

// asDeclared reports whether a pin was made for that declaration.
func asDeclared(p Pin, wish config.Module) bool {
	declared := p.Declared
	if declared == "" {
		declared = p.Version
	}
	return declared == wish.Version && (wish.Commit == "" || p.Commit == wish.Commit)
}

// open finds the copy of a module: in vendor/, where it lies if it is a path, or in
// the cache.
func (p *Project) open(n *Node) {
	vendored, cached := p.vendored(n.Name), p.Cache.at(n.Pin.Hash)
	n.from, n.Where = cached, "cache"
	listing := cached
	if _, err := os.Lstat(vendored.listing); err == nil && !p.bare {
		n.from, n.Where, listing = vendored, VendorName, vendored
	} else if n.Pin.Path != "" {
		n.from, n.Where = copied{dir: p.absolute(n.Pin.Path), listing: cached.listing}, "path"
	}
	l, err := listing.read(n.Pin.Hash)
	switch {
	case err == nil:
		n.files, n.listing = pinned(n.from, l), l
		if _, err := os.Stat(n.from.dir); err != nil {
			n.Err = fmt.Errorf("module %s: %w", n.Name, err)
		}
	case n.Where == VendorName:
		n.Err = fmt.Errorf("module %s: %w: phlb mod vendor copies it anew", n.Name, err)
	case errors.Is(err, fs.ErrNotExist):
		n.Err = fmt.Errorf("module %s (%s) is not in the cache %s: %w", n.Name, n.Pin.Origin(), p.Cache.Dir, ErrMissing)
	default:
		n.Err = fmt.Errorf("module %s: %w: %w", n.Name, err, ErrMissing)
	}
}

// all is graph for what the phlb.toml declares, and for what only the lock pins.
func (p *Project) all() (map[string]*Node, error) {
	nodes, err := p.graph(p.declared)
	if err != nil {
		return nil, err
	}
	for name, m := range p.lock.undeclared() {
		more, err := p.graph(map[string]config.Module{name: m})
		if err != nil {
			return nil, err
		}
		maps.Copy(nodes, more)
	}
	return nodes, nil
}

// vendored is where the copy of a module lies, or would lie, beside phlb.toml.
func (p *Project) vendored(name string) copied {
	at := filepath.Join(p.Dir, VendorName, name)
	if strings.Contains(name, ":") { // one that is not declared is not copied
		at = filepath.Join(p.Dir, VendorName, "undeclared")
	}
	return copied{dir: at, listing: at + ".sha256"}
}

func (p *Project) absolute(path string) string {
	path = filepath.FromSlash(path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.Dir, path)
	}
	return path
}

// wishes reads what a module declares itself.
func (n *Node) wishes() (map[string]config.Module, error) {
	data, err := n.files.ReadFile(config.FileName)
	if errors.Is(err, fs.ErrNotExist) {
		if _, listed := n.listing[config.FileName]; !listed {
			return nil, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", n.Name, err)
	}
	return config.ParseModules(n.label()+"//"+config.FileName, data)
}

// label is what messages of scripts call a module.
func (n *Node) label() string { return "@" + n.Name }

// Modules is [Project.Modules] for the phlb.toml in a folder. If its lock cannot be
// read, that is the error of each module.
func Modules(dir string, declared map[string]config.Module, cache *Cache) map[string]*runtime.Module {
	p, err := Open(dir, declared, cache)
	if err == nil {
		return p.Modules()
	}
	modules := map[string]*runtime.Module{}
	for name, m := range declared {
		modules[name] = &runtime.Module{Label: "@" + name, Origin: m.Source(), Files: broken{err}}
	}
	return modules
}

// Modules returns what scripts of the project may load, by the names that phlb.toml
// gives. It reads the lock and the copies, and fetches nothing. A module that has
// to be fetched, or is not what the lock pins, is an error for the script that
// loads it, and no hindrance to others.
func (p *Project) Modules() map[string]*runtime.Module { return p.modules(p.declared) }

// Undeclared is Modules for one that the lock pins and no phlb.toml declares,
// which is what [Project.GetSource] fetches; nil if it is none.
func (p *Project) Undeclared(s Source) *runtime.Module {
	name := s.Name()
	m, ok := p.lock.undeclared()[name]
	if !ok {
		return nil
	}
	return p.modules(map[string]config.Module{name: m})[name]
}

func (p *Project) modules(declared map[string]config.Module) map[string]*runtime.Module {
	nodes, err := p.graph(declared)
	modules := map[string]*runtime.Module{}
	for name, n := range nodes {
		m := &runtime.Module{Label: n.label(), Origin: n.Pin.Origin(), Files: n.files, Modules: map[string]*runtime.Module{}}
		if why := cmp.Or(n.Err, err); why != nil {
			m.Files = broken{why}
		}
		modules[name] = m
	}
	for name, n := range nodes {
		for called, other := range n.Needs {
			modules[name].Modules[called] = modules[other]
		}
	}
	direct := map[string]*runtime.Module{}
	for name := range declared {
		if direct[name] = modules[name]; direct[name] == nil { // declared in a way that no module can be told of
			direct[name] = &runtime.Module{Label: "@" + name, Origin: declared[name].Source(), Files: broken{err}}
		}
	}
	return direct
}
