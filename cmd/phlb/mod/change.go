package mod

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"phlb/engine/config"
	"phlb/engine/publish"
)

// Save writes phlb.lock.
func (p *Project) Save() error {
	if p.Dry {
		return nil
	}
	return p.lock.write(p.Dir)
}

// Declare has the phlb.toml of the project declare a module, fetches it and writes
// both files: neither, if something is wrong.
func (p *Project) Declare(ctx context.Context, name string, m config.Module) ([]Change, error) {
	if err := config.CheckModuleName(name); err != nil {
		return nil, err
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	asWritten := m
	if m.Path != "" {
		m.Path = p.absolute(m.Path)
		asWritten.Path = p.relative(m.Path)
	}
	p.declared = maps.Clone(p.declared)
	if p.declared == nil {
		p.declared = map[string]config.Module{}
	}
	p.declared[name] = m
	changes, err := p.resolve(ctx, p.declared, map[string]bool{p.source(m): m.Path != ""})
	if err != nil {
		return nil, err
	}
	return changes, p.rewrite(func(text []byte) ([]byte, error) { return config.SetModule(text, name, asWritten) })
}

// rewrite changes phlb.toml, and then the lock.
func (p *Project) rewrite(change func([]byte) ([]byte, error)) error {
	path := filepath.Join(p.Dir, config.FileName)
	before, err := config.ReadRegular(path, config.MaxFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	after, err := change(before)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if !bytes.Equal(before, after) && !p.Dry {
		mode := fs.FileMode(0o644)
		if info, err := os.Stat(path); err == nil {
			mode = info.Mode().Perm()
		}
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target // a link stays one
		}
		if err := publish.WriteFile(path, after, mode); err != nil {
			return err
		}
	}
	return p.Save()
}

// Remove takes a module out of phlb.toml, and with what it alone needs out of
// phlb.lock. One that no phlb.toml declares is only in the lock.
func (p *Project) Remove(name string) error {
	_, undeclared := p.lock.undeclared()[name]
	_, declared := p.declared[name]
	if !declared && !undeclared {
		return p.unknown(name)
	}
	p.declared = maps.Clone(p.declared)
	delete(p.declared, name)
	maps.DeleteFunc(p.lock, func(pin string, _ Pin) bool { return pin == name || strings.HasPrefix(pin, below(name, "")) })
	if undeclared {
		return p.Save()
	}
	return p.rewrite(func(text []byte) ([]byte, error) { return config.RemoveModule(text, name) })
}

// unknown says that there is no module of a name.
func (p *Project) unknown(name string) error {
	known := slices.Sorted(maps.Keys(p.declared))
	if len(known) == 0 {
		return fmt.Errorf("%w %s: %s declares none", ErrUnknown, name, filepath.Join(p.Dir, config.FileName))
	}
	return fmt.Errorf("%w %s in %s, only %s", ErrUnknown, name, filepath.Join(p.Dir, config.FileName), strings.Join(known, ", "))
}

// Update takes the newest version of a module, or of all if name is "", that has
// the same major version, and a folder as it is now. With a version it takes that
// one, an older one too.
func (p *Project) Update(ctx context.Context, name, version string) ([]Change, error) {
	names := []string{name}
	if name == "" {
		names = slices.Sorted(maps.Keys(p.declared))
	} else if _, ok := p.declared[name]; !ok {
		return nil, p.unknown(name)
	}
	next, anew := maps.Clone(p.declared), map[string]bool{}
	written := map[string]config.Module{}
	for _, name := range names {
		m := p.declared[name]
		switch {
		case m.Path != "":
			if version != "" {
				return nil, fmt.Errorf("%s is the folder %s, which has no versions", name, m.Path)
			}
			anew[p.source(m)] = true
			continue
		case version != "" && commitID.MatchString(version):
			m.Version, m.Commit = "", version
		case version != "":
			m.Version, m.Commit = version, ""
		case m.Commit != "":
			continue // a commit is the one that it is
		default:
			versions, err := p.versions(ctx, m)
			if err != nil {
				return nil, fmt.Errorf("module %s: %w", name, err)
			}
			m.Version = newest(versions, m.Version)
		}
		if err := m.Check(); err != nil {
			return nil, err
		}
		if m != p.declared[name] {
			next[name], written[name] = m, m
		}
	}
	before := p.declared
	p.declared = next
	changes, err := p.resolve(ctx, next, anew)
	if err != nil {
		p.declared = before
		return nil, err
	}
	return changes, p.rewrite(func(text []byte) (_ []byte, err error) {
		for _, name := range slices.Sorted(maps.Keys(written)) {
			if text, err = config.SetModule(text, name, written[name]); err != nil {
				return nil, err
			}
		}
		return text, nil
	})
}

func (p *Project) versions(ctx context.Context, m config.Module) ([]string, error) {
	if m.Git != "" {
		return p.Cache.gitVersions(ctx, m.Git)
	}
	return p.Cache.ociVersions(ctx, m.OCI)
}

// Vendor copies all modules of the project beside its phlb.toml, where they win
// over the cache, and takes away copies that it made of others. It returns the
// names.
func (p *Project) Vendor() ([]string, error) {
	bare := *p
	bare.bare = true // what lies there may be damaged, or of before an update
	nodes, err := bare.graph(p.declared)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(nodes))
	copies := map[string]files{}
	for _, name := range names {
		n := nodes[name]
		if n.Err != nil {
			return nil, n.Err
		}
		copies[name] = files{}
		for file := range n.listing {
			if copies[name][file], err = n.from.file(n.listing, file); err != nil {
				return nil, fmt.Errorf("module %s: %w", name, err)
			}
		}
	}
	if p.Dry {
		return names, nil
	}
	folder := filepath.Join(p.Dir, VendorName)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	listings, _ := filepath.Glob(filepath.Join(folder, "*.sha256")) // fails only for a bad pattern
	for _, listing := range listings {
		name := strings.TrimSuffix(filepath.Base(listing), ".sha256")
		if _, ok := nodes[name]; !ok {
			// The listing goes first: without it, the folder is no copy.
			if err := errors.Join(os.Remove(listing), os.RemoveAll(filepath.Join(folder, name))); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range names {
		if err := p.vendored(name).replace(copies[name]); err != nil {
			return nil, fmt.Errorf("vendor %s: %w", name, err)
		}
	}
	return names, nil
}

// replace puts a copy in the place of the one that is there.
func (c copied) replace(f files) error {
	if c.check(f.listing().hash()) == nil {
		return nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(c.dir), ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	next := copied{filepath.Join(tmp, "tree"), filepath.Join(tmp, "tree.sha256")}
	if err := next.write(f, f.listing()); err != nil {
		return err
	}
	// Without a listing there is no copy, so that half of one is never used.
	if err := os.Remove(c.listing); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return err
	}
	if err := os.Rename(next.dir, c.dir); err != nil {
		return err
	}
	return os.Rename(next.listing, c.listing)
}

// Verify holds all that the project may load against its lock, every file of every
// copy that is there.
func (p *Project) Verify() error {
	nodes, err := p.all()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		n := nodes[name]
		if n.Err != nil {
			errs = append(errs, n.Err)
			continue
		}
		at := n.from
		if n.Where == "path" {
			if err := checkFolder(at.dir, n.listing); err != nil {
				errs = append(errs, fmt.Errorf("module %s: %w", name, err))
			}
			continue
		}
		if err := at.check(n.Pin.Hash); err != nil {
			errs = append(errs, fmt.Errorf("module %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// checkFolder holds a module that lies in a folder against its listing.
func checkFolder(dir string, want listing) error {
	f, err := readFolder(dir)
	if err != nil {
		return err
	}
	got := f.listing()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			errs = append(errs, fmt.Errorf("%s differs from what %s pins: phlb mod update takes it as it is", filepath.Join(dir, name), LockName))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			errs = append(errs, fmt.Errorf("%s is not among the files that %s pins: phlb mod update takes it as it is", filepath.Join(dir, name), LockName))
		}
	}
	return errors.Join(errs...)
}

// Nodes returns all modules of the project and of its lock in the order of their
// names, those that have to be fetched too.
func (p *Project) Nodes() ([]*Node, error) {
	nodes, err := p.all()
	if err != nil {
		return nil, err
	}
	var all []*Node
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		all = append(all, nodes[name])
	}
	return all, nil
}

// Why returns the chains by which a module is needed, each from phlb.toml on: the
// names of modules with the version that each one wishes.
func (p *Project) Why(name string) ([][]string, error) {
	nodes, err := p.graph(p.declared)
	if err != nil {
		return nil, err
	}
	if nodes[name] == nil {
		return nil, p.unknown(name)
	}
	var chains [][]string
	var walk func(at string, wished config.Module, chain []string)
	walk = func(at string, wished config.Module, chain []string) {
		chain = append(slices.Clone(chain), strings.TrimSpace(at+" "+wished.At()))
		if at == name {
			chains = append(chains, chain)
			return
		}
		n := nodes[at]
		if n.Err != nil || len(chains) >= 100 {
			return
		}
		wishes, _ := n.wishes() // was read before
		for _, called := range slices.Sorted(maps.Keys(n.Needs)) {
			walk(n.Needs[called], wishes[called], chain)
		}
	}
	for _, root := range slices.Sorted(maps.Keys(p.declared)) {
		walk(root, p.declared[root], []string{config.FileName})
	}
	return chains, nil
}
