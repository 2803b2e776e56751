package runtime

import (
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
)

// A file says where a script or module is. Equal files are one module, so path
// is always the resolved one: two modules may be called lib.star, and one
// module may be reached under two names.
type file struct {
	library string // of Host.Modules; "" for a local file
	path    string
}

func (f file) String() string {
	if f.library != "" {
		return "@" + f.library + "//" + f.path
	}
	return f.path
}

// locate finds what module means in a load statement of from.
func (h *Host) locate(from file, module string) (file, error) {
	if rest, ok := strings.CutPrefix(module, "@"); ok {
		library, p, ok := strings.Cut(rest, "//")
		if !ok {
			return file{}, fmt.Errorf("%s: a module of a library is written @library//path", module)
		}
		return h.inLibrary(library, p, module)
	}
	if from.library != "" {
		return h.inLibrary(from.library, path.Join(path.Dir(from.path), module), module)
	}
	p := filepath.FromSlash(module)
	if !filepath.IsAbs(p) {
		p = filepath.Join(filepath.Dir(from.path), p)
	}
	if real, err := filepath.EvalSymlinks(p); err == nil {
		p = real // else reading it says what is wrong
	}
	return file{path: p}, nil
}

func (h *Host) inLibrary(library, p, module string) (file, error) {
	if _, ok := h.Modules[library]; !ok {
		return file{}, fmt.Errorf("%s: no library @%s, only %s", module, library, h.libraries())
	}
	if p = path.Clean(p); !fs.ValidPath(p) {
		return file{}, fmt.Errorf("%s: outside of @%s, which loads only its own files", module, library)
	}
	return file{library: library, path: p}, nil
}

func (h *Host) libraries() string {
	if len(h.Modules) == 0 {
		return "files beside the script"
	}
	return "@" + strings.Join(slices.Sorted(maps.Keys(h.Modules)), ", @")
}

func (h *Host) read(f file) (src []byte, err error) {
	files, name := h.Modules[f.library], f.path
	if f.library == "" {
		files, name = os.DirFS(filepath.Dir(f.path)), filepath.Base(f.path)
		src, err = readRegular(f.path) // also under a name that an fs.FS has no word for
	} else {
		src, err = fs.ReadFile(files, name)
	}
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) {
		return src, err
	}
	err = &fs.PathError{Op: pathErr.Op, Path: f.String(), Err: pathErr.Err} // as the script knows it
	if near := Nearest(path.Base(name), modules(files, path.Dir(name))); near != "" && errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: did you mean %s?", err, near)
	}
	return nil, err
}

// maxFile is how large a script or a module may be.
const maxFile = 4 << 20

// readRegular reads a file that is one: a FIFO would be waited for, and a device
// may have no end.
func readRegular(name string) ([]byte, error) {
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
		return refuse("is larger than 4 MiB, which no script is")
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
	if script.library != "" || module.library != "" {
		return false
	}
	rel, err := filepath.Rel(script.folder(), module.folder())
	return err == nil && filepath.IsLocal(rel)
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
		if f.library == "" {
			if s.host.Sandbox {
				return nil, fmt.Errorf("%s: outside of the script's folder, and a sandbox loads nothing from there", module)
			}
			s.tighten(parent)
		}
	}
	m := instance{file: f, pure: from.pure || s.foreign[f.String()]}
	if globals := s.modules[m]; globals != nil {
		return globals, nil
	}
	src, err := s.host.read(f)
	if err != nil {
		return nil, err
	}
	names := s.all
	if m.pure {
		names = s.pure
	}
	u, err := s.compile(f, src, names)
	if err != nil {
		return nil, err
	}
	t := &task{file: f, chain: append(slices.Clone(from.chain), f), loading: true, pure: m.pure, shared: u.shared}
	thread := s.thread(s.run.Load(), f.String(), t)
	thread.Steps = parent.Steps // one limit for the script and all that it loads
	globals, err := u.program.Init(thread, names)
	parent.Steps = thread.Steps
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
