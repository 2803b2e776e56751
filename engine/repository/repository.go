// Package repository is what all verbs of the engine need: it opens a backup root and its
// catalog, brings the catalog up to date and publishes it, and has the records of runs, the
// locks, and the types that verbs take and return.
//
// The manifests of sealed snapshots are the truth. The catalog is made to agree with them
// whenever it is opened. So a change that a verb could not tell the catalog is told by the
// next command.
package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/ncruces/go-strftime"

	"phlb/engine/config"
	"phlb/engine/manifest"
	"phlb/engine/store"
)

// Environment is what a process knows of the machine and of how it was called. Now and Log
// are needed.
type Environment struct {
	Version string // the version of phlb, for logs
	Host    string // the name of this machine
	Boot    string // the boot id of this machine; "" for none
	Owner   string // who holds the locks of this process, for people: "pid 17 on laptop"
	Home    string // the home directory, which ~ stands for
	TempDir string // for temporary files, such as the copy of a catalog in a read-only root
	Now     func() time.Time
	Present time.Time    // that questions take for the present; zero for what Now returns
	Log     slog.Handler // the engine's log
	Wait    bool         // wait for a lock that another process holds
	DryRun  bool         // change nothing, and return what the real run would

	// StateDir is the folder where the roots that were seen are remembered, so that a root
	// that is not mounted is noticed; "" to remember nothing. NewRoot accepts another root
	// than those, and makes a new one.
	StateDir string
	NewRoot  bool

	// ForeignRoot reads the root of somebody else, and writes nothing there. Verbs that would
	// write fail with [ErrForeignRoot].
	ForeignRoot bool

	// ReadOnly reads a root, and writes nothing there, not even for a moment. Verbs that
	// would write fail with [ErrReadOnly].
	ReadOnly bool

	// Memory is how many bytes the process may have in use while a question is answered; 0
	// is no limit.
	Memory uint64

	// CountAhead counts the source of a backup that has no parent in a walk of its own, for
	// the totals of Progress.
	CountAhead bool
}

// Repository is one backup root and the settings for it. Its verbs may be called one after
// the other.
type Repository struct {
	Config   *config.Config
	Progress Progress // of the verb that is under way

	Env       Environment
	Log       *slog.Logger
	Rehearsal rehearsal
	said      *sync.Map // the warnings that warnOnce has logged
}

// Open returns the repository at the configured root, which need not exist yet.
func Open(c *config.Config, env Environment) *Repository {
	env.DryRun = env.DryRun || env.ForeignRoot || env.ReadOnly // a dry run does not write to the root
	return &Repository{Config: c, Env: env, Log: slog.New(env.Log), said: &sync.Map{}}
}

// Another returns a repository at the same root, to be used at the same time as repo. One
// does not repeat the warnings of the other.
func (repo *Repository) Another() *Repository {
	other := Open(repo.Config, repo.Env)
	other.said = repo.said
	return other
}

// DryRun reports whether nothing is to be changed, in the root or elsewhere. A root that is
// only read is not meant by that.
func (repo *Repository) DryRun() bool {
	return repo.Env.DryRun && !repo.Env.ForeignRoot && !repo.Env.ReadOnly
}

// MayWrite returns [ErrForeignRoot] or [ErrReadOnly] where the root is only read.
func (repo *Repository) MayWrite() error {
	switch {
	case repo.Env.ForeignRoot:
		return fmt.Errorf("%s: %w", repo.Config.BackupPath, ErrForeignRoot)
	case repo.Env.ReadOnly:
		return fmt.Errorf("%s: %w", repo.Config.BackupPath, ErrReadOnly)
	}
	return nil
}

// Algorithm returns what makes the digests of new snapshots.
func (repo *Repository) Algorithm() (manifest.Algorithm, error) {
	a, err := manifest.ParseAlgorithm(cmp.Or(repo.Config.Hash, manifest.SHA256.String()))
	if err != nil {
		return a, fmt.Errorf("hash: %w", err)
	}
	return a, nil
}

// Expand returns the path with a leading ~ replaced by the home directory.
func (repo *Repository) Expand(path string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		return repo.Env.Home + path[1:]
	}
	return path
}

// Owner returns the holder of the locks of this process.
func (repo *Repository) Owner() store.Owner {
	return store.Owner{Who: repo.Env.Owner, Host: repo.Env.Host, Boot: repo.Env.Boot, Since: repo.Env.Now()}
}

// Stamp returns the folder name of a snapshot that is started at t.
func (repo *Repository) Stamp(t time.Time) string {
	return strftime.Format(repo.Config.SnapshotFormat, t)
}

// again matches the number that [store.Root.Begin] adds to a folder name that is taken.
var again = regexp.MustCompile(`-\d+$`)

// TimeOf returns the time in a folder name of the configured format, or of one of the other
// layouts, which are those of package time.
func (repo *Repository) TimeOf(stamp string, others ...string) (_ time.Time, ok bool) {
	layouts := others
	if layout, err := strftime.Layout(repo.Config.SnapshotFormat); err == nil {
		layouts = append([]string{layout}, others...)
	}
	for _, layout := range layouts {
		for _, text := range []string{stamp, again.ReplaceAllString(stamp, "")} {
			if t, err := time.ParseInLocation(layout, text, repo.Env.Now().Location()); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// Snapshots returns the sealed snapshots of a name, or with "" of all names, the newest
// first. A root that does not exist yet has none.
func (repo *Repository) Snapshots(ctx context.Context, name string) ([]*Snapshot, error) {
	root, cat, done, err := repo.OpenRootToRead(ctx)
	if errors.Is(err, ErrNoRoot) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer done()
	all, err := cat.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	var found []*Snapshot
	for _, s := range all {
		if name == "" || s.Name == name {
			found = append(found, repo.Shown(NewSnapshot(root, s)))
		}
	}
	return found, nil
}

// Shown returns the snapshot with the path that it would have in the real root, where a dry
// run uses a temporary root.
func (repo *Repository) Shown(s *Snapshot) *Snapshot {
	if repo.Rehearsal.root != "" {
		s.Path = filepath.Join(repo.Config.BackupPath, s.Name, s.Stamp)
	}
	return s
}
