package walk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"phlb/engine/handle"
	"phlb/engine/manifest"
)

// frame holds the rules of one place: of [Rules], or of the ignore files in a folder.
type frame struct {
	parent *frame // the frame that decides where no rule of this one matches; nil for none
	skip   int    // the length of the folder's path, with the slash behind it
	rules  []Rule // the last one that matches decides

	// How many rules of ignore files are in force in the folder, and their bytes.
	inForce, inForceBytes int

	// A list of rules may be long, so those that end in a plain name, which most do, are
	// looked up by that name. Both are in the order of the rules.
	plain   map[string][]int // from a name to indexes in rules
	endings []ending
}

// ending is the last part of a rule, where that is no plain name.
type ending struct {
	part
	rule int // the index in rules
}

// add appends a rule, which is stronger than those before it.
func (in *frame) add(r Rule) {
	i := len(in.rules)
	in.rules = append(in.rules, r)
	last := r.parts[len(r.parts)-1]
	if last.atoms != nil || last.star {
		in.endings = append(in.endings, ending{last, i})
		return
	}
	if in.plain == nil {
		in.plain = map[string][]int{}
	}
	in.plain[last.text] = append(in.plain[last.text], i)
}

// each calls yield with the rules that match, the strongest first, until yield returns
// false. It reports whether yield has always returned true.
func (in *frame) each(f *Folder, name string, isDir bool, yield func(*Rule) bool) bool {
	name = fold(name)
	plain := in.plain[name]
	plainFrom := func(least int) bool {
		for n := len(plain) - 1; n >= 0 && plain[n] >= least; n-- {
			r := &in.rules[plain[n]]
			if plain = plain[:n]; r.match(in, f, name, isDir) && !yield(r) {
				return false
			}
		}
		return true
	}
	for i := len(in.endings) - 1; i >= 0; i-- {
		g := &in.endings[i]
		if !g.match(name) {
			continue
		}
		if !plainFrom(g.rule) {
			return false
		}
		if r := &in.rules[g.rule]; r.match(in, f, name, isDir) && !yield(r) {
			return false
		}
	}
	return plainFrom(0)
}

// The limits of ignore files. A rule takes many times the memory of its text, and a source
// may have an ignore file in every folder.
const (
	maxIgnoreFile   = 64 << 10 // bytes of a file
	maxInForce      = 10_000   // rules that are in force in a folder
	maxInForceBytes = 1 << 20  // bytes of the ignore files that are in force in a folder
)

var (
	errNotRegular = errors.New("is not obeyed: not a regular file")
	errTooLarge   = fmt.Errorf("is not obeyed: larger than %d KiB", maxIgnoreFile>>10)
	errTooMany    = fmt.Errorf("is not obeyed: with those further up, more than %d rules or %d KiB of them would be in force", maxInForce, maxInForceBytes>>10)
)

// obey reads the ignore files in f, and puts their rules in force. Errors and warnings are
// added to the batch.
func (l *lister) obey(f *Folder, b *Batch) {
	var own *frame
	var rules, size int // in force
	if f.frame != nil {
		rules, size = f.frame.inForce, f.frame.inForceBytes
	}
	for _, name := range l.walk.IgnoreFiles {
		if !f.has(name) {
			continue
		}
		path := f.join(name)
		text, err := f.Dir.ignoreFile(name)
		switch {
		case errors.Is(err, errNotRegular), errors.Is(err, errTooLarge):
			b.Warnings = append(b.Warnings, pathError("read", path, err))
			continue
		case err != nil:
			b.Errors = append(b.Errors, pathError("read", path, err))
			continue
		}
		read, wrong := parse(text)
		for _, err := range wrong {
			b.Warnings = append(b.Warnings, pathError("read", path, err))
		}
		if rules, size = rules+len(read), size+len(text); rules > maxInForce || size > maxInForceBytes {
			rules, size = rules-len(read), size-len(text)
			b.Warnings = append(b.Warnings, pathError("read", path, errTooMany))
			continue
		}
		if own == nil {
			own = &frame{parent: f.frame, skip: len(f.join(""))}
		}
		for _, r := range read {
			r.in, r.file = f, name
			own.add(r)
		}
	}
	if own != nil {
		own.inForce, own.inForceBytes = rules, size
		f.frame = own
	}
}

// parse returns the rules of an ignore file, and an error for each line that is no rule.
// It stops at the first rule that is too much.
func parse(text []byte) (rules []Rule, wrong []error) {
	n := 0
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		n++
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		r := Rule{Text: string(line), line: n}
		switch ok, err := r.compile(); {
		case err != nil:
			wrong = append(wrong, fmt.Errorf("line %d, %q, %w", n, line, err))
		case ok:
			rules = append(rules, r)
		}
		if len(rules) > maxInForce {
			break
		}
	}
	return rules, wrong
}

func (d *Dir) ignoreFile(name string) ([]byte, error) {
	f, err := d.regular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxIgnoreFile+1))
	if len(text) > maxIgnoreFile {
		return nil, errTooLarge
	}
	return text, err
}

// regular opens a regular file. It looks before it opens: a link may lead out of the tree,
// and opening a device may move a tape.
func (d *Dir) regular(name string) (*os.File, error) {
	e, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	if e.Kind != manifest.File {
		return nil, errNotRegular
	}
	return d.openRegular(name)
}

// openRegular opens a regular file, and looks at what it has opened: since it was looked
// at, something else may have taken its place. A link is not followed, a pipe not waited for.
func (d *Dir) openRegular(name string) (*os.File, error) {
	f, err := d.Read(name)
	if errors.Is(err, handle.ErrNotRegular) {
		return nil, errNotRegular
	}
	return f, bare(err)
}

// cacheTag is the name of the file that marks a cache, and cacheSignature its first bytes,
// see https://bford.info/cachedir/.
const (
	cacheTag       = "CACHEDIR.TAG"
	cacheSignature = "Signature: 8a477f597d28d172789f06886806bc55"
)

// marks returns the entries of f that mark it as a directory of which only the marks are
// taken, and the strongest rule that names one. As with tar and restic, the marks are
// taken, so that a restored directory is marked too.
func (l *lister) marks(f *Folder) (marks []dirent, by *Rule) {
	if f.Parent == nil {
		return nil, nil // the root was named by the user, who wants what it holds
	}
	for i := range l.rules.marks {
		r := &l.rules.marks[i]
		at, found := f.find(r.Text)
		if !found || r.Origin == originTagged && !f.Dir.tagged() {
			continue
		}
		if by == nil {
			by = r
		}
		if d := f.list[at]; d.kind != manifest.Dir {
			marks = append(marks, d)
		}
	}
	return inOrder(marks), by
}

// tagged reports whether d holds the tag of a cache.
func (d *Dir) tagged() bool {
	f, err := d.regular(cacheTag)
	if err != nil {
		return false // the error is reported when the tag is taken as an entry
	}
	defer f.Close()
	begin := make([]byte, len(cacheSignature))
	_, err = io.ReadFull(f, begin)
	return err == nil && string(begin) == cacheSignature
}

// has reports whether f holds an entry of that name. It works while the walk decides on
// the entries of f.
func (f *Folder) has(name string) bool {
	_, ok := f.find(name)
	return ok
}

func (f *Folder) find(name string) (int, bool) {
	return slices.BinarySearchFunc(f.list, name, func(d dirent, name string) int { return strings.Compare(d.name, name) })
}
