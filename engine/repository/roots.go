package repository

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"phlb/engine/config"
	"phlb/engine/publish"
	"phlb/engine/store"
)

// roots are the backup roots that this user has seen at one path, where disks may take
// turns. They are kept in a file in the state directory of the user.
type roots struct {
	Path string   `json:"path"`
	IDs  []string `json:"ids"`
}

func (r *roots) has(id store.Identity) bool { return slices.Contains(r.IDs, id.ID) }

// rootsFile returns the path of the file that keeps the roots of the configured path.
func (repo *Repository) rootsFile() string {
	sum := sha256.Sum256([]byte(filepath.Clean(repo.Config.BackupPath)))
	return filepath.Join(repo.Env.StateDir, fmt.Sprintf("root-%x.json", sum[:8]))
}

// roots returns the roots that were at the configured path: none where the file cannot be
// read.
func (repo *Repository) roots() (r roots) {
	if text, err := config.ReadRegular(repo.rootsFile(), config.MaxFile); err == nil {
		_ = json.Unmarshal(text, &r)
	}
	return r
}

// remembered reports whether there was a root at the configured path.
func (repo *Repository) remembered() bool {
	return repo.Env.StateDir != "" && len(repo.roots().IDs) > 0
}

// remember adds a root to those that were at the configured path. A dry run
// remembers nothing. That it cannot be done is told once, where the root is new.
func (repo *Repository) remember(id store.Identity, isNew bool) {
	if repo.Env.StateDir == "" || repo.Env.DryRun {
		return
	}
	r := repo.roots()
	if r.has(id) {
		return
	}
	r.Path, r.IDs = repo.Config.BackupPath, append(r.IDs, id.ID)
	text, err := json.MarshalIndent(r, "", "\t")
	if err == nil {
		err = os.MkdirAll(repo.Env.StateDir, 0o700)
	}
	if err == nil {
		err = replaceFile(repo.rootsFile(), append(text, '\n'))
	}
	if err != nil {
		level := slog.LevelInfo
		if isNew {
			level = slog.LevelWarn
		}
		repo.Log.Log(context.Background(), level, "the backup root cannot be remembered, so that nobody will notice if it is gone", "error", err)
	}
}

// replaceFile writes a file in one step, through a file with the suffix .new. What a kill
// leaves of that file is overwritten the next time. Two processes that write at once write
// the same, so the file is truncated only after it was written.
func replaceFile(path string, text []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	if err == nil {
		err = f.Sync() // else a power loss could leave an empty file under the final name
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return publish.Rename(f.Name(), path)
}
