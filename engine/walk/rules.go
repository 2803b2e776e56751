package walk

import (
	"fmt"
	"strings"

	"github.com/gobwas/glob"

	"phlb/engine/manifest"
)

// Rules say what a walk leaves out. Paths that SkipDirs or Skip match are left out
// whatever the other rules say. In both, a pattern without a slash is compared with the
// name of an entry, and a pattern with a slash with the path relative to the root. * and ?
// match within one name, ** matches across slashes, **/ also matches nothing, [abc] and
// {a,b} are alternatives; see github.com/gobwas/glob.
type Rules struct {
	SkipDirs []string // directories that are never entered
	Skip     []string // entries of any kind; a directory with all that it holds

	// Ordered are lines as in a .gitignore in the root. The caller fills in Text, Origin and
	// Beside.
	Ordered []Rule
	// IgnoreFiles are names of files with further lines, which count in the directory of the
	// file and below. They are stronger than Ordered. The file of an inner directory is
	// stronger than that of an outer one, and in one directory the later name of the list
	// is stronger. Ignore files are taken like any other file.
	IgnoreFiles []string

	// A directory below the root may be marked: by an entry with a name in IfPresent or,
	// with Tagged, by a CACHEDIR.TAG, see https://bford.info/cachedir/. Of such a directory
	// only the marks are taken.
	Tagged    bool
	IfPresent []string

	MaxSize int64 // regular files that are larger are left out; 0 is no limit
	// Where is called for each entry that is not a directory and that no other rule leaves
	// out. It is called from several goroutines, each with a worker number of its own. An
	// error ends the walk.
	Where         func(worker int, e *Entry) (bool, error)
	OneFileSystem bool // mount points are taken as empty directories
	Fetch         bool // files whose content is only on a server are taken too
	Exclude       []ID // directories that are left out
}

// Check returns an error for the first rule that is not valid.
func (r *Rules) Check() error {
	_, err := r.compile()
	return err
}

// matcher is compiled Rules.
type matcher struct {
	dirs, any patterns
	ordered   *frame // nil for no rules
	marks     []Rule // whose Text is the name of a mark
}

// patterns are globs, sorted by what they are compared with. Plain names, which most
// patterns are, are looked up in a map.
type patterns struct {
	plain map[string]*Rule
	names []pattern // compared with names
	paths []pattern // compared with paths
}

type pattern struct {
	*glob.Pattern
	rule *Rule
}

const (
	originTagged    = "tagged"
	originIfPresent = "if_present"
)

func (r *Rules) compile() (*matcher, error) {
	var m matcher
	for _, set := range []struct {
		option string
		from   []string
		to     *patterns
	}{{"skip_dirs", r.SkipDirs, &m.dirs}, {"skip", r.Skip, &m.any}} {
		for _, text := range set.from {
			if err := set.to.add(&Rule{Text: text, Origin: set.option}); err != nil {
				return nil, fmt.Errorf("%s: pattern %q: %w", set.option, text, err)
			}
		}
	}
	ordered := &frame{}
	for _, rule := range r.Ordered {
		if ok, err := rule.compile(); err != nil {
			return nil, fmt.Errorf("rules: %v %w", &rule, err)
		} else if !ok {
			continue
		}
		if rule.Beside != "" {
			if err := checkName(rule.Beside); err != nil {
				return nil, fmt.Errorf("beside: %w", err)
			}
			if rule.path {
				return nil, fmt.Errorf("beside: %v is about a path: what lies beside a name has one", &rule)
			}
		}
		ordered.add(rule)
	}
	if len(ordered.rules) > 0 {
		m.ordered = ordered
	}
	if r.Tagged {
		m.marks = append(m.marks, Rule{Text: cacheTag, Origin: originTagged})
	}
	for _, name := range r.IfPresent {
		m.marks = append(m.marks, Rule{Text: name, Origin: originIfPresent})
	}
	for _, names := range []struct {
		option string
		list   []string
	}{{"ignore_files", r.IgnoreFiles}, {"if_present", r.IfPresent}} {
		for _, name := range names.list {
			if err := checkName(name); err != nil {
				return nil, fmt.Errorf("%s: %w", names.option, err)
			}
		}
	}
	if r.MaxSize < 0 {
		return nil, fmt.Errorf("max_size: %d is less than nothing", r.MaxSize)
	}
	return &m, nil
}

// checkName returns an error for text that is not the name of a single entry. A pattern is
// taken for a mistake, although a file could have such a name.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/*?[") {
		return fmt.Errorf("%q is not a name: give that of a single entry, no path and no pattern", name)
	}
	return nil
}

func (p *patterns) add(rule *Rule) error {
	text := fold(strings.TrimSuffix(strings.TrimPrefix(rule.Text, "./"), "/"))
	if text == "" {
		return fmt.Errorf("is empty")
	}
	isPath := strings.Contains(text, "/")
	text = strings.TrimPrefix(text, "/") // anchored at the root as it is
	if !isPath && !strings.ContainsAny(text, `*?[]{}\`) {
		if p.plain == nil {
			p.plain = map[string]*Rule{}
		}
		p.plain[text] = rule
		return nil
	}
	g, err := (&glob.Compiler{Separators: []rune{'/'}, Globstar: true}).Compile(text)
	if err != nil {
		return err
	}
	if isPath {
		p.paths = append(p.paths, pattern{g, rule})
	} else {
		p.names = append(p.names, pattern{g, rule})
	}
	return nil
}

// match returns a rule that matches; nil for none.
func (p *patterns) match(folder, name string) *Rule {
	name = fold(name)
	if r := p.plain[name]; r != nil {
		return r
	}
	for _, g := range p.names {
		if g.Match(name) {
			return g.rule
		}
	}
	if len(p.paths) > 0 {
		path := join(fold(folder), name)
		for _, g := range p.paths {
			if g.Match(path) {
				return g.rule
			}
		}
	}
	return nil
}

// decide returns whether the entry called name in f is left out by its name, and the rule
// that has decided; nil where none matches.
func (m *matcher) decide(f *Folder, name string, isDir bool) (skip bool, by *Rule) {
	m.each(f, name, isDir, func(r *Rule) bool {
		by = r
		return false
	})
	return by != nil && !by.keep, by
}

// each calls yield with the rules that match, the strongest first, until yield returns
// false.
func (m *matcher) each(f *Folder, name string, isDir bool, yield func(*Rule) bool) {
	if r := m.any.match(f.path, name); r != nil && !yield(r) {
		return
	}
	if isDir {
		if r := m.dirs.match(f.path, name); r != nil && !yield(r) {
			return
		}
	}
	for at := f.frame; at != nil; at = at.parent {
		if !at.each(f, name, isDir, yield) {
			return
		}
	}
}

// unwanted returns why an entry that no rule about its path leaves out, and that is no
// directory, is left out; "" where it is taken.
func (r *Rules) unwanted(worker int, e *Entry) (Reason, error) {
	if e.Remote && !r.Fetch {
		return Remote, nil
	}
	if r.MaxSize > 0 && e.Size > r.MaxSize && e.Kind == manifest.File {
		return BySize, nil
	}
	if r.Where != nil {
		if wanted, err := r.Where(worker, e); err != nil || !wanted {
			return ByWhere, err
		}
	}
	return "", nil
}

// Patterns are globs that are compared with names and paths as Skip of [Rules] is.
type Patterns struct{ compiled patterns }

// CompilePatterns compiles globs. The error is that of the first that is not valid.
func CompilePatterns(globs []string) (*Patterns, error) {
	var p Patterns
	for _, text := range globs {
		if err := p.compiled.add(&Rule{Text: text}); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", text, err)
		}
	}
	return &p, nil
}

// Match reports whether one of the patterns matches the entry called name in the folder
// with that path; "." is the root.
func (p *Patterns) Match(folder, name string) bool { return p.compiled.match(folder, name) != nil }
