package walk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"phlb/engine/manifest"
)

// frame holds the rules that stand in one place: those of [Rules], or of the
// ignore files in a folder.
type frame struct {
	parent *frame // whose rules are asked where these say nothing
	skip   int    // how much of a path leads to the folder, its slash included
	rules  []Rule // the last that matches decides

	// What is in force in a folder that has the frame, of ignore files alone.
	inForce, inForceBytes int

	// Most rules end in a plain name, and are looked up by it: a list may be
	// long. Both are in the order of the rules.
	plain   map[string][]int // indexes into rules
	endings []ending
}

// ending is what a rule ends in where that is no plain name.
type ending struct {
	part
	rule int // its index
}

// add takes a rule that is stronger than those before.
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

// each calls yield with the rules that match, the strongest first, until that
// returns false. It reports whether yield never did.
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

// Limits of ignore files. A rule takes many times the memory of its text, and
// whoever owns a source may nest such files as deeply as folders.
const (
	maxIgnoreFile   = 64 << 10 // bytes of a file
	maxInForce      = 10_000   // rules in force in a folder, of all files above it
	maxInForceBytes = 1 << 20  // of those files
)

var (
	errNotRegular = errors.New("is not obeyed: not a regular file")
	errTooLarge   = fmt.Errorf("is not obeyed: larger than %d KiB", maxIgnoreFile>>10)
	errTooMany    = fmt.Errorf("is not obeyed: with those further up, more than %d rules or %d KiB of them would be in force", maxInForce, maxInForceBytes>>10)
)

// obey reads the ignore files of f, if it has some. What is wrong with them is
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

// parse returns the rules of an ignore file, and what is wrong with others. Of
// too many it returns one more than may be in force.
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

// regular opens a file that is regular. It looks first: a link may lead out of
// the tree, and to open a device may move a tape.
func (d *Dir) regular(name string) (*File, error) {
	e, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	if e.Kind != manifest.File {
		return nil, errNotRegular
	}
	return d.File(name)
}

// cacheTag is the file that marks a cache, and cacheSignature how it begins:
// see https://bford.info/cachedir/.
const (
	cacheTag       = "CACHEDIR.TAG"
	cacheSignature = "Signature: 8a477f597d28d172789f06886806bc55"
)

// marks returns what in f marks it as a directory of which nothing else is
// taken, and the strongest rule that says so. The marks stay, as with tar and
// restic: a directory that is restored has them again.
func (l *lister) marks(f *Folder) (marks []dirent, by *Rule) {
	if f.Parent == nil {
		return nil, nil // whoever names a directory wants what it holds
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

// tagged reports whether the tag of d is that of a cache.
func (d *Dir) tagged() bool {
	f, err := d.regular(cacheTag)
	if err != nil {
		return false // and is an error once the tag itself is to be taken
	}
	defer f.Close()
	begin := make([]byte, len(cacheSignature))
	_, err = io.ReadFull(f, begin)
	return err == nil && string(begin) == cacheSignature
}

// has reports whether f holds an entry of that name. It can tell while the
// entries are decided on.
func (f *Folder) has(name string) bool {
	_, ok := f.find(name)
	return ok
}

func (f *Folder) find(name string) (int, bool) {
	return slices.BinarySearchFunc(f.list, name, func(d dirent, name string) int { return strings.Compare(d.name, name) })
}
