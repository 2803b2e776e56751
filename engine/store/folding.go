package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// A file system may take two names for the same name: Makefile and makefile, or one
// letter in two encodings. Which names these are is for the file system to say.

// folds reports whether the file system takes the name of something in dir for the same
// name in capitals.
func folds(dir *Dir, name string) bool {
	own, err := dir.Look(name)
	if err != nil {
		return false
	}
	other, err := dir.Look(strings.ToUpper(name))
	return err == nil && other.SameAs(&own)
}

// Folds reports whether the file system takes names in the tree for one that differ in
// case alone.
func (p *Partial) Folds() bool {
	if p.Scratch == nil { // planned
		return folds(p.root.dir, internal)
	}
	return folds(p.Scratch, treeName)
}

// Apart returns other names for those of the names, sorted, of one folder that the file
// system takes for one that comes before: makefile~1 for makefile where there is a
// Makefile. It chooses none for which taken is true.
func (p *Partial) Apart(names []string, taken func(name string) bool) (map[string]string, error) {
	alike := make(map[string][]string, len(names))
	for _, name := range names {
		key := foldKey(name)
		alike[key] = append(alike[key], name)
	}
	if len(alike) == len(names) {
		return nil, nil
	}
	apart := map[string]string{}
	for _, name := range names {
		group := alike[foldKey(name)]
		if len(group) == 1 || group[0] != name {
			continue
		}
		same, err := p.sameNames(group)
		if err != nil {
			return nil, err
		}
		for _, name := range same {
			for n := 1; apart[name] == ""; n++ {
				other := withNumber(name, n)
				if key := foldKey(other); alike[key] == nil && !taken(other) {
					apart[name], alike[key] = other, []string{other}
				}
			}
		}
	}
	return apart, nil
}

// sameNames returns those names that the file system takes for one that comes before.
// Where all is only planned, it cannot be asked.
func (p *Partial) sameNames(names []string) (same []string, err error) {
	if p.Scratch == nil {
		return names[1:], nil
	}
	if p.names == nil {
		if p.names, err = p.Scratch.Mkdir(namesName); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		f, err := p.names.Create(name)
		switch {
		case err == nil:
			f.Close()
			defer func() { err = errors.Join(err, p.names.Remove(name)) }()
		case errors.Is(err, fs.ErrExist):
			same = append(same, name)
		default: // comes again, and is reported, when the entry is stored
		}
	}
	return same, nil
}

// longestName is how many bytes a name has at the most on most file systems.
const longestName = 255

// withNumber returns the name with a number at its end.
func withNumber(name string, n int) string {
	end := fmt.Sprintf("~%d", n)
	if most := longestName - len(end); len(name) > most {
		for name = name[:most]; len(name) > 0 && !utf8.ValidString(name[max(0, len(name)-utf8.UTFMax):]); {
			name = name[:len(name)-1]
		}
	}
	return name + end
}

// foldKey returns what all names have in common that some file system takes for one.
// Others that do not tell these apart may have it in common too.
func foldKey(name string) string {
	ascii := true
	for i := range len(name) {
		ascii = ascii && name[i] < utf8.RuneSelf
	}
	key := strings.ToLower(name)
	if !ascii {
		key = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
				return -1
			}
			return r
		}, norm.NFKD.String(cases.Fold().String(norm.NFKD.String(strings.ToUpper(name)))))
	}
	return strings.TrimRight(key, ". ")
}
