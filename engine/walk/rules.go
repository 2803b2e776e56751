package walk

import (
	"fmt"
	"strings"

	"github.com/gobwas/glob"
)

// Rules say what a walk leaves out. A pattern without a slash is held against
// the name, one with a slash against the path relative to the root. In a
// pattern * and ? match within one name, ** across slashes, **/ also none at
// all, [abc] and {a,b} alternatives; see github.com/gobwas/glob.
type Rules struct {
	SkipDirs []string // directories that are never entered
	Skip     []string // entries of any kind; a directory with all it holds
	// Where is called per entry that is not a directory, from several
	// goroutines; worker tells them apart. An error ends the walk.
	Where         func(worker int, e *Entry) (bool, error)
	OneFileSystem bool // mount points are taken as empty directories
	Exclude       []ID // directories that are left out
}

// Check reports the first pattern that does not compile.
func (r *Rules) Check() error {
	_, err := r.compile()
	return err
}

// matcher is what Rules compile to.
type matcher struct {
	dirs, any patterns
}

// patterns are held apart by what they are held against. Plain names, the
// usual case, are looked up at once.
type patterns struct {
	plain map[string]bool
	names []*glob.Pattern
	paths []*glob.Pattern
}

func (r *Rules) compile() (*matcher, error) {
	var m matcher
	for _, set := range []struct {
		option string
		from   []string
		to     *patterns
	}{{"skip_dirs", r.SkipDirs, &m.dirs}, {"skip", r.Skip, &m.any}} {
		for _, text := range set.from {
			if err := set.to.add(text); err != nil {
				return nil, fmt.Errorf("%s: pattern %q: %w", set.option, text, err)
			}
		}
	}
	return &m, nil
}

func (p *patterns) add(text string) error {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "./"), "/")
	if text == "" {
		return fmt.Errorf("is empty")
	}
	isPath := strings.Contains(text, "/")
	text = strings.TrimPrefix(text, "/") // anchored at the root as it is
	if !isPath && !strings.ContainsAny(text, `*?[]{}\`) {
		if p.plain == nil {
			p.plain = map[string]bool{}
		}
		p.plain[text] = true
		return nil
	}
	g, err := (&glob.Compiler{Separators: []rune{'/'}, Globstar: true}).Compile(text)
	if err != nil {
		return err
	}
	if isPath {
		p.paths = append(p.paths, g)
	} else {
		p.names = append(p.names, g)
	}
	return nil
}

func (p *patterns) match(folder, name string) bool {
	if p.plain[name] {
		return true
	}
	for _, g := range p.names {
		if g.Match(name) {
			return true
		}
	}
	if len(p.paths) > 0 {
		path := join(folder, name)
		for _, g := range p.paths {
			if g.Match(path) {
				return true
			}
		}
	}
	return false
}

func (m *matcher) skip(f *Folder, name string, isDir bool) bool {
	return m.any.match(f.Path, name) || isDir && m.dirs.match(f.Path, name)
}

// Patterns are globs that are held against names and paths as those of [Rules]
// are.
type Patterns struct{ compiled patterns }

// CompilePatterns compiles globs, or reports the first that does not compile.
func CompilePatterns(globs []string) (*Patterns, error) {
	var p Patterns
	for _, text := range globs {
		if err := p.compiled.add(text); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", text, err)
		}
	}
	return &p, nil
}

// Match reports whether one of the patterns matches what is called name in the
// folder at that path, "." for the root.
func (p *Patterns) Match(folder, name string) bool { return p.compiled.match(folder, name) }
