package foreign

import (
	"fmt"

	"phlb/engine/store"
)

// Trees are what lies under a root, where a snapshot may lie, without a manifest.
type Trees struct {
	Refs   []store.Ref         // directories that can become snapshots
	Linked []string            // symbolic links in the place of a name's folder, which are not followed
	Strays map[string][]string // by name, what lies in the folder of a name that has no sealed snapshot yet, and belongs to no snapshot
}

// Find returns the one tree that within names, all of the name in within, or with a zero
// Ref all.
func Find(root *store.Root, within store.Ref) (found Trees, err error) {
	if within.Stamp != "" {
		found.Refs, err = adoptable(root, within.Name, within.Stamp)
		if err == nil && len(found.Refs) == 0 && !root.HasManifest(within) {
			err = fmt.Errorf("%s cannot be a snapshot by that name: rename it, or back up to end a run that was cut off", within)
		}
		return found, err
	}
	names := []string{within.Name}
	if within.Name == "" {
		if names, err = root.Names(); err == nil {
			found.Linked, err = root.Linked()
		}
		if err != nil {
			return found, err
		}
	}
	found.Strays = map[string][]string{}
	for _, name := range names {
		refs, err := adoptable(root, name, "")
		if err != nil {
			return found, err
		}
		found.Refs = append(found.Refs, refs...)
		sealed, err := root.Sealed(name)
		if err != nil {
			return found, err
		}
		if len(sealed) > 0 {
			continue
		}
		strays, err := root.Strays(name)
		if err != nil {
			return found, err
		}
		if len(strays) > 0 {
			found.Strays[name] = strays
		}
	}
	return found, nil
}

// adoptable returns the trees of a name, with a stamp only the one of that stamp, without
// those that a dry run has planned to adopt.
func adoptable(root *store.Root, name, stamp string) (found []store.Ref, err error) {
	refs, err := root.Adoptable(name)
	for _, ref := range refs {
		if (stamp == "" || ref.Stamp == stamp) && root.Planned[ref] == "" {
			found = append(found, ref)
		}
	}
	return found, err
}
