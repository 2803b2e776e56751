package repository

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"phlb/engine/config"
	"phlb/engine/store"
)

// A root is remembered through no other folder than the one of the state, and what
// a kill has left there is taken away.
func TestRemember(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(temp, "missing"))
	repo := &Repository{Config: &config.Config{BackupPath: "/backup"}, Env: Environment{StateDir: filepath.Join(temp, "state")}, Log: slog.New(slog.DiscardHandler)}
	if err := os.MkdirAll(repo.Env.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(repo.rootsFile()+".new", make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"one", "two", "one"} {
		repo.remember(store.Identity{ID: id}, false)
	}
	if r := repo.roots(); len(r.IDs) != 2 || r.IDs[0] != "one" || r.IDs[1] != "two" {
		t.Errorf("remembered %v", r.IDs)
	}
	if all, err := os.ReadDir(repo.Env.StateDir); err != nil || len(all) != 1 {
		t.Errorf("there are %v, %v", all, err)
	}
}
