// Package engine is the repository of backups and its verbs: [Engine.Backup]
// makes a snapshot, [Engine.Verify] checks one, [Engine.Adopt] takes trees that
// others put under the root, [Engine.Hash] reads digests of a source.
//
// Most callers [Open] an Engine with a configuration and call its verbs one
// after the other:
//
//	e := engine.Open(config, environment)
//	snapshot, err := e.Backup(ctx, engine.Source{Root: "/home/ann"})
//
// The manifests of sealed snapshots are the truth; the catalog is brought up to
// date from them whenever it is opened. What goes wrong with one entry of a
// source is logged and counted in the summary; what goes wrong with the root
// ends the verb with an error, and nothing is sealed.
//
// The package does not promise a consistent picture of a source that changes
// while it is read; a file that does is reported.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ncruces/go-strftime"

	"phlb/engine/config"
	"phlb/engine/store"
)

// Environment is what the process knows of where it runs. Now and Log are
// needed.
type Environment struct {
	Host    string // this machine's name
	Boot    string // its boot id, empty where there is none
	Owner   string // of locks, as others are told: "pid 17 on laptop"
	Home    string // what ~ stands for
	TempDir string // where copies of a catalog go whose root is read-only
	Now     func() time.Time
	Log     slog.Handler // hears of problems as they come up
	Wait    bool         // wait for a lock that another holds
	DryRun  bool         // change nothing, and return what would come of it

	// CountAhead has a backup that has no snapshot before it walk its source
	// twice, for the totals of its Progress.
	CountAhead bool
}

// Repository is one backup root, with the settings that hold for it. The verbs
// that work on it may be called one after the other.
type Repository struct {
	Config   *config.Config
	Progress Progress // of the verb under way, to be read at any time

	env       Environment
	log       *slog.Logger
	rehearsal rehearsal
	said      sync.Map // warnings, see warnOnce
}

// OpenRepository returns the repository at the configured root, which need not exist yet.
func OpenRepository(c *config.Config, env Environment) *Repository {
	return &Repository{Config: c, env: env, log: slog.New(env.Log)}
}

// DryRun reports whether nothing is to be changed.
func (repo *Repository) DryRun() bool { return repo.env.DryRun }

// Expand returns the path with a leading ~ replaced by the home directory.
func (repo *Repository) Expand(path string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		return repo.env.Home + path[1:]
	}
	return path
}

// owner is who this process tells others it is.
func (repo *Repository) owner() store.Owner {
	return store.Owner{Who: repo.env.Owner, Host: repo.env.Host, Boot: repo.env.Boot, Since: repo.env.Now()}
}

// ErrNoRoot says that there is no backup root yet.
var ErrNoRoot = errors.New("there is no backup root yet: make a first backup, or set backup_path")

// openRoot opens the root for reading.
func (repo *Repository) openRoot() (*store.Root, error) {
	root, err := store.Open(repo.Config.BackupPath)
	if errors.Is(err, fs.ErrNotExist) {
		if repo.rehearsal.root == "" {
			return nil, fmt.Errorf("%s: %w", repo.Config.BackupPath, ErrNoRoot)
		}
		root, err = repo.rehearsal.standIn(repo.env.TempDir)
	}
	if err == nil {
		repo.rehearsal.show(root)
	}
	return root, err
}

// stamp returns the folder name for a snapshot that starts at t.
func (repo *Repository) stamp(t time.Time) string {
	return strftime.Format(repo.Config.SnapshotFormat, t)
}

// Snapshots returns the sealed snapshots, newest first: of one name, or with ""
// of all. A root that does not exist yet has none.
func (repo *Repository) Snapshots(ctx context.Context, name string) ([]*Snapshot, error) {
	root, err := repo.openRoot()
	if errors.Is(err, ErrNoRoot) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	cat, err := repo.openToRead(ctx, root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	all, err := cat.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	var found []*Snapshot
	for _, s := range all {
		if name == "" || s.Name == name {
			found = append(found, repo.shown(newSnapshot(root, s)))
		}
	}
	return found, nil
}

// shown gives a snapshot the path that it would have where a dry run has put
// another root in the place of one that is not there yet.
func (repo *Repository) shown(s *Snapshot) *Snapshot {
	if repo.rehearsal.root != "" {
		s.Path = filepath.Join(repo.Config.BackupPath, s.Name, s.Stamp)
	}
	return s
}
