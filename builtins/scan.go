package builtins

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"phlb/engine"
	"phlb/engine/walk"
	"phlb/runtime"
)

// Scan is a source that is read when it is needed.
type Scan struct {
	*runtime.Stream
	session *Session
	thread  *starlark.Thread
	source  engine.Source
	planned string            // the root as the script sees it, where a dry run has only planned what lies there
	where   starlark.Callable // nil: everything
	made    syntax.Position   // where the script has made it
	used    atomic.Bool       // the script has read it or asked something of it

	mu     sync.Mutex
	counts *engine.Counts // nil until it has been read once
}

var (
	_ starlark.HasAttrs = (*Scan)(nil)
	_ starlark.Iterable = (*Scan)(nil)
	_ starlark.Unpacker = (*scanArgument)(nil)
)

func (s *Session) scanBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name: "scan",
		Signature: `scan(root, skip_dirs=[], skip=[], where=None, one_file_system=False, order="path", ` +
			`rules=[], ignore_files=[], tagged=False, if_present=[], beside={}, max_size=None, fetch=False)`,
		Doc: "the files of a directory, to be iterated over or handed to link or hash; with order \"newest\", those that were changed last come first: " +
			"a loop has all files in memory then, link takes those of a day, a week, a month and a year before the rest, so that a run which is cut off has them",
		Kind: "read",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			scan := &Scan{session: s, thread: thread}
			to := &scan.source.Rules
			var skipDirs, skip, ignoreFiles, ifPresent stringList
			var ordered lines
			var near beside
			var where starlark.Value = starlark.None
			order := "path"
			if err := runtime.Unpack(fn.Name(), args, kwargs, "root", &scan.source.Root,
				"skip_dirs?", &skipDirs, "skip?", &skip, "where?", &where,
				"one_file_system?", &to.OneFileSystem, "order?", &order,
				"rules?", &ordered, "ignore_files?", &ignoreFiles, "tagged?", &to.Tagged,
				"if_present?", &ifPresent, "beside?", &near, "max_size?", (*maxSize)(&to.MaxSize), "fetch?", &to.Fetch); err != nil {
				return nil, err
			}
			if order != "path" && order != "newest" {
				return nil, runtime.Usagef("scan: order is %q, want \"path\" or \"newest\"", order)
			}
			scan.source.Newest = order == "newest"
			if where != starlark.None {
				call, ok := where.(starlark.Callable)
				if !ok {
					return nil, runtime.Usagef("scan: where is a %s, want a function", where.Type())
				}
				scan.where = call
			}
			if scan.source.Root == "" { // not the working directory, that could be anywhere
				return nil, runtime.Usagef("scan: root is empty")
			}
			if err := errors.Join(checkGlobs("scan: skip_dirs", skipDirs...), checkGlobs("scan: skip", skip...)); err != nil {
				return nil, err
			}
			asked := s.Engine.Expand(scan.source.Root)
			if scan.source.Root = s.path(asked); scan.source.Root != asked {
				scan.planned = asked
			}
			if err := s.unwritten(thread, scan.source.Root); err != nil {
				return nil, err
			}
			if scan.planned != "" && scan.source.Newest {
				return nil, unplanned(thread, "the mtime of what lies in %s", scan.planned)
			}
			to.SkipDirs, to.Skip, to.IgnoreFiles, to.IfPresent = skipDirs, skip, ignoreFiles, ifPresent
			file := "scan"
			if thread.CallStackDepth() > 1 {
				scan.made = thread.CallFrame(1).Pos
				file = scan.made.Filename()
			}
			to.Ordered = append(near.from(file), ordered.from(file)...)
			if err := to.Check(); err != nil {
				return nil, runtime.Usagef("scan: %v", err)
			}
			scan.Stream = runtime.NewStream(thread, "Scan", scan.files())
			s.mu.Lock()
			defer s.mu.Unlock()
			s.scans = append(s.scans, scan)
			return scan, nil
		},
	}
}

// Idle returns, for what a script has asked scan() for and that came to nothing, an
// error that says so: a scan that nobody has read, as where link was forgotten, and a
// whole path among the globs, which mean paths below the root.
func (s *Session) Idle() (idle []error) {
	for _, scan := range s.scans {
		if !scan.used.Load() {
			idle = append(idle, fmt.Errorf("scan(%q) of %v is not read by anything, and nothing is backed up: hand it to link", scan.source.Root, scan.made))
			continue
		}
		for _, glob := range slices.Concat(scan.source.Rules.SkipDirs, scan.source.Rules.Skip) {
			if below := scan.wholePath(glob); below != "" {
				idle = append(idle, fmt.Errorf("scan(%q): %q leaves nothing out, since paths are those below the source: write %q", scan.source.Root, glob, below))
			}
		}
	}
	return idle
}

// wholePath returns what a glob would have to be that has the root of the scan before
// the path that is meant. It returns "" where the glob is none of that kind, or there is
// something in the source that it may mean as it is.
func (s *Scan) wholePath(glob string) string {
	root, err := filepath.Abs(s.source.Root)
	if err != nil {
		return ""
	}
	root = filepath.ToSlash(root)
	below, ok := strings.CutPrefix(filepath.ToSlash(s.session.Engine.Expand(glob)), strings.TrimSuffix(root, "/")+"/")
	if !ok || below == "" || root == "/" {
		return ""
	}
	// One name in the folder that is scanned is looked at, and no link there is followed.
	first, _, _ := strings.Cut(strings.Trim(filepath.ToSlash(glob), "/"), "/")
	if _, err := os.Lstat(filepath.Join(s.source.Root, first)); err == nil {
		return ""
	}
	return below
}

// scanArgument unpacks a Scan.
type scanArgument struct{ *Scan }

// Unpack implements [starlark.Unpacker].
func (a *scanArgument) Unpack(v starlark.Value) error {
	scan, ok := v.(*Scan)
	if !ok {
		return fmt.Errorf("got %s, want a Scan, such as scan(%q) returns", v.Type(), "~/Documents")
	}
	a.Scan = scan
	return nil
}

// files yields the Files one by one. The script's function is called while the
// script waits for the next one, as it may have effects on the script.
func (s *Scan) files() iter.Seq2[starlark.Value, error] {
	return func(yield func(starlark.Value, error) bool) {
		s.used.Store(true)
		counts := &engine.Counts{}
		wanted := func(*File) (bool, error) { return true, nil }
		if s.where != nil {
			c := runtime.NewCallback(s.thread, s.where)
			defer c.Close()
			wanted = func(f *File) (bool, error) { return s.ask(c, f) }
		}
		all := s.session.Engine.Scan(runtime.Context(s.thread), s.source, counts)
		if s.source.Newest {
			all = newestFirst(all)
		}
		for e, err := range all {
			if err != nil {
				yield(nil, err)
				return
			}
			f := &File{s, *e}
			ok, err := wanted(f)
			if err != nil {
				yield(nil, err)
				return
			}
			if !ok {
				counts.Skip(e)
				continue
			}
			if !yield(f, nil) {
				return
			}
		}
		s.counted(counts)
	}
}

// newestFirst yields the entries in the order of their times, those of one time by
// path. It keeps them all in memory.
func newestFirst(entries iter.Seq2[*walk.Entry, error]) iter.Seq2[*walk.Entry, error] {
	return func(yield func(*walk.Entry, error) bool) {
		var all []walk.Entry
		for e, err := range entries {
			if err != nil {
				yield(nil, err)
				return
			}
			all = append(all, *e)
		}
		slices.SortFunc(all, func(a, b walk.Entry) int {
			return cmp.Or(b.Mtime.Time().Compare(a.Mtime.Time()), strings.Compare(a.Path, b.Path))
		})
		for i := range all {
			if !yield(&all[i], nil) {
				return
			}
		}
	}
}

// counted notes what a whole reading has found.
func (s *Scan) counted(counts *engine.Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = counts
}

// ask asks the script's function about a file. Anything but True or False is an
// error: a function that forgets a return would leave out the whole source.
func (s *Scan) ask(c *runtime.Callback, f *File) (bool, error) {
	v, err := c.Call(f)
	if err != nil {
		return false, err
	}
	wanted, ok := v.(starlark.Bool)
	if !ok {
		what := "a value of type " + v.Type()
		if v == starlark.None {
			what = "None"
		}
		rule := whereRule(s.where)
		return false, runtime.Usagef("where: %s returned %s for %q, want True or False: see %s",
			rule.Text, what, f.entry.Path, cmp.Or(rule.Origin, "its documentation"))
	}
	return bool(wanted), nil
}

// rules returns the rules of the scan with the script's function among them,
// for work in parallel. The caller calls done afterwards.
func (s *Scan) rules() (_ walk.Rules, done func()) {
	s.used.Store(true)
	rules := s.source.Rules
	if s.where == nil {
		return rules, func() {}
	}
	c := runtime.NewCallback(s.thread, s.where)
	rules.Where = func(_ int, e *walk.Entry) (bool, error) { return s.ask(c, &File{s, *e}) }
	return rules, c.Close
}

// count reads the source if that has not been done yet.
func (s *Scan) count() (*engine.Counts, error) {
	s.mu.Lock()
	counts := s.counts
	s.mu.Unlock()
	if counts == nil {
		for _, err := range s.files() {
			if err != nil {
				return nil, err
			}
		}
		counts = s.counts
	}
	return counts, nil
}

// countOf makes an attribute of what a reading of the source counts.
func countOf(doc string, of func(*engine.Counts) int64) attribute[*Scan] {
	return attribute[*Scan]{"int", doc, func(s *Scan) (starlark.Value, error) {
		counts, err := s.count()
		if err != nil {
			return nil, err
		}
		return starlark.MakeInt64(of(counts)), nil
	}}
}

var scanAttributes = attributes[*Scan]{
	"root":            textOf("the directory that is scanned", (*Scan).root),
	"exists":          boolOf("whether the directory that is scanned exists", func(s *Scan) bool { return s.session.Engine.IsSource(s.source.Root) }),
	"files":           countOf("how many files there are; the first look at a count reads the source", func(c *engine.Counts) int64 { return c.Files }),
	"bytes":           countOf("the sizes of all files of the scan, together", func(c *engine.Counts) int64 { return c.Bytes }),
	"skipped":         countOf("how many entries the rules leave out", func(c *engine.Counts) int64 { return c.Skipped }),
	"skipped_folders": countOf("how many directories the rules leave out, which skipped counts too", func(c *engine.Counts) int64 { return c.Folders }),
	"errors":          countOf("how many entries could not be read", func(c *engine.Counts) int64 { return c.Errors }),
}

// Attr returns the attribute called name.
func (s *Scan) Attr(name string) (starlark.Value, error) {
	s.used.Store(true)
	return scanAttributes.get(s, name)
}

// AttrNames lists the attributes.
func (s *Scan) AttrNames() []string { return scanAttributes.names() }

// String shows what is scanned.
func (s *Scan) String() string { return fmt.Sprintf("scan(%q)", s.root()) }

// root is the directory that is scanned, as the script sees it.
func (s *Scan) root() string { return cmp.Or(s.planned, s.source.Root) }
