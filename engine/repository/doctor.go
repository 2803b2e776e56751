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

// Finding is something that Doctor has found wrong with a root.
type Finding struct {
	What   string // one of the constants below
	Path   string // the absolute path that it is about
	Detail string // what is wrong, and what to do
}

// What a [Finding] is about.
const (
	OpenRoot    = "open"     // other users can look into the root, and change files of theirs in snapshots
	Replaceable = "writable" // other users can put another root in the place of this one
	OtherOwner  = "owner"    // the root belongs to another user
	BadCatalog  = "catalog"  // the catalog cannot be read
	BadManifest = "manifest" // a manifest cannot be read, and its snapshot is left out everywhere
	Rotten      = "damage"   // a verification found damage that was not healed
	Leftover    = "leftover" // a run that was cut off has left something
	LeftLock    = "lock"     // the holder of a lock is gone, or gives no sign of life
)

// Doctor looks for what is wrong with the root, without reading files of snapshots, and
// changes nothing.
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
	// The root is not written to: what the catalog lacks is added in a private file.
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

// openness reports other users who can look into the root, or replace it.
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

// looseEnds reports what runs that were killed have left.
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

// Share opens the root to a group. Its members can read the files in snapshots whose modes
// let them, and can change the files there that belong to them.
func (repo *Repository) Share(gid uint32) error {
	root, err := repo.ExistingRoot()
	if err != nil || repo.Env.DryRun {
		return err
	}
	defer root.Close()
	return root.Share(gid)
}
