package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"phlb/runtime/spelling"
)

// A Module is a folder of files that load statements name by @NAME//PATH, other
// than the files that lie beside a script. It is read-only while a script runs.
type Module struct {
	// Label is what messages call it, "@acme", and is its own alone: two modules of
	// one host may go by the same name, in the files of one and of another.
	Label string
	// Origin tells where it comes from and in which version, for people. It is ""
	// for what comes with the program. What has an origin may be a stranger's, and
	// is held to the limits for strangers.
	Origin string
	Files  fs.FS
	// Limits are those of its code; where there are none, Host.Strangers are, if it has
	// an origin.
	Limits Limits
	// Modules are those that its own files may load, by the names that these files
	// use. The host's are not among them unless they are put there.
	Modules map[string]*Module
}

// A file says where a script or module is. Equal files are one module, so path
// is always the resolved one: two modules may be called lib.star, and one
// module may be reached under two names.
type file struct {
	module *Module // nil for a local file
	path   string
}

func (f file) String() string {
	if f.module != nil {
		return f.module.Label + "//" + f.path
	}
	return f.path
}

// locate finds what module means in a load statement of from.
func (h *Host) locate(from file, module string) (file, error) {
	if rest, ok := strings.CutPrefix(module, "@"); ok {
		name, p, ok := strings.Cut(rest, "//")
		if !ok {
			return file{}, fmt.Errorf("%s: a file of a module is written @name//path", module)
		}
		known := h.Modules
		if from.module != nil {
			known = from.module.Modules
			if known[name] == nil && h.Modules[name] != nil && h.Modules[name].Origin == "" {
				known = h.Modules // what comes with the program is there for all
			}
		}
		if known[name] == nil {
			return file{}, fmt.Errorf("%s: no module @%s, only %s", module, name, listed(known))
		}
		return within(known[name], p, module)
	}
	rooted, isRooted := strings.CutPrefix(module, "//")
	if from.module != nil {
		if isRooted {
			return within(from.module, rooted, module)
		}
		return within(from.module, path.Join(path.Dir(from.path), module), module)
	}
	p := filepath.FromSlash(module)
	switch {
	case isRooted && h.Root == "":
		return file{}, fmt.Errorf("%s: what begins with // is looked for in the folder of phlb.toml, and there is none above the script", module)
	case isRooted:
		if rooted = path.Clean(rooted); !filepath.IsLocal(filepath.FromSlash(rooted)) {
			return file{}, fmt.Errorf("%s: outside of %s, which // stands for", module, h.Root)
		}
		p = filepath.Join(h.Root, filepath.FromSlash(rooted))
	case !filepath.IsAbs(p):
		p = filepath.Join(filepath.Dir(from.path), p)
	}
	if real, err := filepath.EvalSymlinks(p); err == nil {
		p = real // else reading it says what is wrong
	}
	return file{path: p}, nil
}

func within(m *Module, p, module string) (file, error) {
	if p = path.Clean(p); !fs.ValidPath(p) {
		return file{}, fmt.Errorf("%s: outside of %s, which loads only its own files", module, m.Label)
	}
	return file{module: m, path: p}, nil
}

func listed(known map[string]*Module) string {
	if len(known) == 0 {
		return "files beside the script"
	}
	return "@" + strings.Join(slices.Sorted(maps.Keys(known)), ", @")
}

func (h *Host) read(f file) (src []byte, err error) {
	var files fs.FS
	name := f.path
	if f.module == nil {
		files, name = os.DirFS(filepath.Dir(f.path)), filepath.Base(f.path)
		src, err = ReadRegular(f.path) // also under a name that an fs.FS has no word for
	} else {
		files = f.module.Files
		src, err = fs.ReadFile(files, name)
	}
	if err == nil && len(src) > maxFile {
		return nil, &fs.PathError{Op: "read", Path: f.String(), Err: errLarge}
	}
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) {
		return src, err
	}
	err = &fs.PathError{Op: pathErr.Op, Path: f.String(), Err: pathErr.Err} // as the script knows it
	if near := spelling.Nearest(path.Base(name), modules(files, path.Dir(name))); near != "" && errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: did you mean %s?", err, near)
	}
	return nil, err
}

// readUntil reads a file, and does not wait for it any longer once ctx has ended: the
// file may lie in a slow place.
func (h *Host) readUntil(ctx context.Context, f file) ([]byte, error) {
	var src []byte
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		src, err = h.read(f)
	}()
	select {
	case <-done:
		return src, err
	case <-ctx.Done():
		return nil, &fs.PathError{Op: "read", Path: f.String(), Err: context.Cause(ctx)}
	}
}

// read is [Host.readUntil] for a run.
func (s *session) read(r *run, f file) ([]byte, error) {
	r.computes(-1)
	defer r.computes(1)
	src, err := s.host.readUntil(r.ctx, f)
	if cause, _ := r.stopped(); err != nil && cause != nil {
		err = &fs.PathError{Op: "read", Path: f.String(), Err: cause}
	}
	return src, err
}

// beginning returns the place where a file begins that is being compiled.
func (s *session) beginning(f file) *place {
	name := f.String()
	return &place{s.accountOf(name), syntax.MakePosition(&name, 1, 1)}
}

// maxFile is how large a script or a module may be.
const maxFile = 4 << 20

var errLarge = errors.New("is larger than 4 MiB, which no script is")

// ReadRegular reads a file that is one: a FIFO would be waited for, and a device
// may have no end.
func ReadRegular(name string) ([]byte, error) {
	refuse := func(why string) ([]byte, error) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New(why)}
	}
	if info, err := os.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return refuse("is no regular file")
	}
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return refuse("is no regular file")
	}
	src, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(src) > maxFile {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errLarge}
	}
	return src, err
}

// modules lists what a folder has to load.
func modules(files fs.FS, folder string) (names []string) {
	entries, _ := fs.ReadDir(files, folder) // what cannot be listed cannot be suggested
	for _, e := range entries {
		if path.Ext(e.Name()) == ".star" {
			names = append(names, e.Name())
		}
	}
	return names
}

// owns reports whether a module is part of the script: a file of its folder, or
// below that. All other modules come from elsewhere.
func (script file) owns(module file) bool {
	if script.module != nil || module.module != nil {
		return false
	}
	rel, err := filepath.Rel(script.folder(), module.folder())
	return err == nil && filepath.IsLocal(rel)
}

// strange reports whether a file that is not part of the script may be somebody
// else's.
func (h *Host) strange(f file) bool {
	if f.module != nil {
		return f.module.Origin != ""
	}
	return h.Root == "" || !(file{path: filepath.Join(h.Root, "any")}).owns(f)
}

// folder returns where a local file lies, after following symbolic links.
func (f file) folder() string {
	dir := filepath.Dir(f.path)
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return dir
}

// An instance is a module with the names it gets. One that comes from elsewhere, and
// what that loads, gets the pure ones: what it loads might hand it the others.
type instance struct {
	file
	pure bool
}

// A loadError is the failure of a module, which its load statement passes on.
type loadError struct{ err error }

func (e *loadError) Error() string { return e.err.Error() }
func (e *loadError) Unwrap() error { return e.err }

// loadModule is Thread.Load of every thread: it evaluates a module once, on a
// thread with the limits of parent.
func (s *session) loadModule(parent *starlark.Thread, module string) (starlark.StringDict, error) {
	globals, err := s.evalModule(parent, module)
	if err != nil {
		return nil, &loadError{err}
	}
	return globals, nil
}

func (s *session) evalModule(parent *starlark.Thread, module string) (starlark.StringDict, error) {
	from := taskOf(parent)
	f, err := s.host.locate(from.file, module)
	if err != nil {
		return nil, err
	}
	if slices.Contains(from.chain, f) {
		return nil, cycleError(from.chain, f)
	}
	if !from.chain[0].owns(f) {
		s.foreign[f.String()] = true
		if f.module == nil && s.host.Sandbox {
			return nil, fmt.Errorf("%s: outside of the script's folder, and a sandbox loads nothing from there", module)
		}
		if s.host.strange(f) {
			s.charge(f)
		}
	}
	m := instance{file: f, pure: from.pure || s.foreign[f.String()]}
	if globals := s.modules[m]; globals != nil {
		return globals, nil
	}
	r := s.run.Load()
	at := from.at.Swap(nil) // it waits
	defer from.at.Store(at)
	src, err := s.read(r, f)
	if err != nil {
		return nil, err
	}
	from.at.Store(s.beginning(f))
	names := s.all
	if m.pure {
		names = s.pure
	}
	u, err := s.compile(f, src, names)
	if err != nil {
		return nil, err
	}
	t := &task{file: f, chain: append(slices.Clone(from.chain), f), loading: true, pure: m.pure, shared: u.shared}
	thread := s.thread(r, f.String(), t)
	from.at.Store(nil)
	globals, err := u.program.Init(thread, names)
	r.forget(thread)
	if err != nil {
		return nil, err
	}
	if err := freeze(globals); err != nil {
		return nil, err
	}
	s.modules[m] = globals
	return globals, nil
}

func cycleError(chain []file, f file) error {
	var b strings.Builder
	for _, x := range chain[slices.Index(chain, f):] {
		b.WriteString(x.String() + " -> ")
	}
	return fmt.Errorf("files load each other: %s%s", b.String(), f)
}
