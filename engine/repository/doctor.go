package repository

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/dustin/go-humanize/english"

	"phlb/engine/catalog"
	"phlb/engine/store"
)

// Finding is something about a root that whoever it belongs to should know.
type Finding struct {
	What   string // one of the constants below
	Path   string // absolute
	Detail string // what is the matter, and what to do
}

// What a [Finding] is about.
const (
	OpenRoot    = "open"     // others can look into the root, and owners of sources write in snapshots
	Replaceable = "writable" // others can put something else in the place of the root
	OtherOwner  = "owner"    // the root belongs to somebody else
	BadCatalog  = "catalog"  // it cannot be read
	BadManifest = "manifest" // it cannot be read, and its snapshot is left out everywhere
	Rotten      = "damage"   // a verification found it, and it was not healed yet
	Leftover    = "leftover" // of a run that was cut off
	LeftLock    = "lock"     // its holder is gone, or gives no sign of life
)

// Doctor looks for what is wrong with the root, as far as that can be told
// without reading what it holds, and changes nothing.
func (repo *Repository) Doctor(ctx context.Context) (found []Finding, err error) {
	root, err := repo.OpenRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	note := func(what, path, format string, args ...any) {
		found = append(found, Finding{what, path, fmt.Sprintf(format, args...)})
	}
	if runtime.GOOS != "windows" { // where modes tell nothing
		if err := openness(root, note); err != nil {
			return nil, err
		}
	}
	if err := repo.looseEnds(root, note); err != nil {
		return nil, err
	}
	// A root that is only read is made good in a file elsewhere.
	cat, err := repo.openPlain(root, away(root, catalog.OpenAway))
	if errors.Is(err, catalog.ErrDamaged) {
		note(BadCatalog, repo.Config.Catalog, "is damaged: the next command makes a new one of the manifests")
		cat, err = repo.openPlain(root, away(root, catalog.CreateAway))
	}
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	c, err := repo.CatchUp(ctx, root, cat)
	if err != nil {
		return nil, err
	}
	for _, broken := range c.Broken {
		note(BadManifest, root.ManifestPath(broken.Ref), "%v: move it away and run phlb add", broken.Err)
	}
	damaged, err := cat.Damaged(ctx)
	if len(damaged) > 0 {
		note(Rotten, root.Path, "%s known to be rotten: run phlb verify --heal", english.Plural(len(damaged), "content is", "contents are"))
	}
	return found, err
}

// openness tells who else can look into the root, or replace it.
func openness(root *store.Root, note func(what, path, format string, args ...any)) error {
	self, err := root.Dir().Self()
	if err != nil {
		return err
	}
	us := uint32(os.Geteuid())
	if self.UID != us && self.UID != 0 {
		note(OtherOwner, root.Path, "belongs to user %d, who can change all that it holds: a restore leaves out devices, setuid bits and capabilities", self.UID)
	}
	shared, err := root.SharedWith()
	if err != nil {
		return err
	}
	others := self.Mode & 0o077
	if shared == int64(self.GID) {
		others &^= 0o050
	}
	if others != 0 {
		note(OpenRoot, root.Path, "has the mode %04o: others can look into it, and whoever owns a file of a source can write it inside of snapshots; run chmod 0700, or phlb doctor --share GROUP to share it on purpose", self.Mode)
	}
	for at := filepath.Dir(root.Path); ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		owner := ownerOf(info)
		const writable, sticky = 0o022, fs.ModeSticky
		switch {
		case owner != 0 && owner != int64(us):
			note(Replaceable, at, "belongs to user %d, who can put another root in the place of %s", owner, root.Path)
		case info.Mode().Perm()&writable != 0 && info.Mode()&sticky == 0:
			note(Replaceable, at, "has the mode %04o: others can put another root in the place of %s; run chmod go-w", info.Mode().Perm(), root.Path)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// looseEnds tells what runs have left that were killed.
func (repo *Repository) looseEnds(root *store.Root, note func(what, path, format string, args ...any)) error {
	held, err := root.Locks(repo.Owner())
	if err != nil {
		return err
	}
	busy := map[string]bool{}
	for _, h := range held {
		switch {
		case h.Gone:
			note(LeftLock, root.Path, "%s is locked by %s, which is gone: the next run takes the lock over", h.What, h.Who)
		case h.Silent():
			note(LeftLock, root.Path, "%s is locked by %s, which gives no sign of life: see phlb unlock", h.What, h.Who)
		default:
			busy[h.Name] = true
		}
	}
	names, err := root.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if busy[name] {
			continue
		}
		trees, err := root.Unsealed(name)
		if err != nil {
			return err
		}
		for _, tree := range trees {
			note(Leftover, filepath.Join(root.Path, tree), "was left by a run that was cut off: the next run of %q takes it over", name)
		}
	}
	return nil
}

// Share opens the root to a group, on purpose: its members can read what the files
// in snapshots let them, and those who own a file of a source can write it there.
func (repo *Repository) Share(gid uint32) error {
	root, err := repo.ExistingRoot()
	if err != nil || repo.Env.DryRun {
		return err
	}
	defer root.Close()
	return root.Share(gid)
}
