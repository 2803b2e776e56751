package walk

import (
	"slices"

	"phlb/engine/manifest"
)

// rename has [Walk.Rename] rename what is in f, and returns the list with the new names,
// sorted. folder is the path of f in the walk.
func (l *lister) rename(f *Folder, folder string, list []dirent) ([]dirent, error) {
	if l.walk.Rename == nil {
		return list, nil
	}
	var names []string
	for _, d := range list {
		if skip, _ := l.rules.decide(f, d.name, d.kind == manifest.Dir); !skip {
			names = append(names, d.name)
		}
	}
	renamed, err := l.walk.Rename(folder, names, f.has)
	if err != nil || len(renamed) == 0 {
		return list, err
	}
	list = slices.Clone(list) // the rules look at that of f
	f.renamed = make(map[string]string, len(renamed))
	for i := range list {
		if name, ok := renamed[list[i].name]; ok {
			f.renamed[name] = list[i].name
			list[i].name = name
		}
	}
	return inOrder(list), nil
}

// inSource returns the name in the source of what the walk calls name in f.
func (f *Folder) inSource(name string) string {
	if own, ok := f.renamed[name]; ok {
		return own
	}
	return name
}

// spelledInSource returns the path in the source of f, which is being listed.
func (l *lister) spelledInSource(f *Folder) string {
	if !f.apart {
		return l.spelled()
	}
	return f.spell(func(f *Folder) string { return f.NameInSource() })
}
