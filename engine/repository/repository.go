// Package repository is what every verb of the engine stands on: the environment
// and the settings, opening a backup root, the catalog brought up to date with the
// manifests, publishing, runs, locks, and the types that verbs take and give.
//
// The manifests of sealed snapshots are the truth. The catalog is made to agree
// with them whenever it is opened, so a verb that cannot tell it of a change is
// made good by the next command.
package repository

import (
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
	"phlb/engine/store"
)

// Environment is what the process knows of where it runs. Now and Log are
// needed.
type Environment struct {
	Version string // which phlb this is, for the log
	Host    string // this machine's name
	Boot    string // its boot id, empty where there is none
	Owner   string // of locks, as others are told: "pid 17 on laptop"
	Home    string // what ~ stands for
	TempDir string // where copies of a catalog go whose root is read-only
	Now     func() time.Time
	Log     slog.Handler // hears of problems as they come up
	Wait    bool         // wait for a lock that another holds
	DryRun  bool         // change nothing, and return what would come of it

	// StateDir is where the roots that were seen are remembered, so that one that
	// is not mounted is noticed; "" where nothing is. NewRoot takes another root, or
	// none, for what is wanted.
	StateDir string
	NewRoot  bool

	// ForeignRoot reads a root that is somebody else's, and writes nothing there.
	// Verbs that would fail with [ErrForeignRoot].
	ForeignRoot bool

	// ReadOnly reads a root of one's own, and writes nothing there, not even for a
	// moment. Verbs that would fail with [ErrReadOnly].
	ReadOnly bool

	// CountAhead has a backup that has no snapshot before it walk its source
	// twice, for the totals of its Progress.
	CountAhead bool
}

// Repository is one backup root, with the settings that hold for it. The verbs
// that work on it may be called one after the other.
type Repository struct {
	Config   *config.Config
	Progress Progress // of the verb under way, to be read at any time

	Env       Environment
	Log       *slog.Logger
	Rehearsal rehearsal
	said      *sync.Map // warnings, see warnOnce
}

// Open returns the repository at the configured root, which need not exist yet.
func Open(c *config.Config, env Environment) *Repository {
	env.DryRun = env.DryRun || env.ForeignRoot || env.ReadOnly // which is careful not to write
	return &Repository{Config: c, Env: env, Log: slog.New(env.Log), said: &sync.Map{}}
}

// Another returns a repository at the same root, for who works on it at the same time.
// What one has warned of, the other does not again.
func (repo *Repository) Another() *Repository {
	other := Open(repo.Config, repo.Env)
	other.said = repo.said
	return other
}

// DryRun reports whether nothing is to be changed, not outside of the root either.
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

// Expand returns the path with a leading ~ replaced by the home directory.
func (repo *Repository) Expand(path string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		return repo.Env.Home + path[1:]
	}
	return path
}

// Owner is who this process tells others it is.
func (repo *Repository) Owner() store.Owner {
	return store.Owner{Who: repo.Env.Owner, Host: repo.Env.Host, Boot: repo.Env.Boot, Since: repo.Env.Now()}
}

// Stamp returns the folder name for a snapshot that starts at t.
func (repo *Repository) Stamp(t time.Time) string {
	return strftime.Format(repo.Config.SnapshotFormat, t)
}

// again is what [store.Root.Begin] adds to a folder name that is taken.
var again = regexp.MustCompile(`-\d+$`)

// TimeOf returns the time that a folder name says in the configured format, or in
// one of the others, as package time writes it.
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

// Snapshots returns the sealed snapshots, newest first: of one name, or with ""
// of all. A root that does not exist yet has none.
func (repo *Repository) Snapshots(ctx context.Context, name string) ([]*Snapshot, error) {
	root, err := repo.OpenRoot()
	if errors.Is(err, ErrNoRoot) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	cat, err := repo.OpenToRead(ctx, root)
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
			found = append(found, repo.Shown(NewSnapshot(root, s)))
		}
	}
	return found, nil
}

// Shown gives a snapshot the path that it would have where a dry run has put
// another root in the place of one that is not there yet.
func (repo *Repository) Shown(s *Snapshot) *Snapshot {
	if repo.Rehearsal.root != "" {
		s.Path = filepath.Join(repo.Config.BackupPath, s.Name, s.Stamp)
	}
	return s
}
