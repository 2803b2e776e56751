package lock

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"phlb/engine/handle"
)

// roles are what a process that is started again may do instead of testing,
// by the variable that asks for it.
var roles = map[string]func(value string){raceEnv: raceForLock, countEnv: countUnderLock, holdEnv: holdLock, folderEnv: holdFolder}

func TestMain(m *testing.M) {
	for env, role := range roles {
		if value := os.Getenv(env); value != "" {
			role(value)
		}
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// docs is the key of the lock that tests take.
var docs = Key{Name: "name-docs", What: `backup "docs"`, Break: "phlb unlock docs"}

// folder is a folder of locks at a path.
type folder struct {
	Folder
	path string
}

func newFolder(t testing.TB) *folder { return at(t.TempDir()) }

func at(path string) *folder {
	f := &folder{path: path}
	f.Open = func(names ...string) (*handle.Writer, error) {
		dir, err := handle.OpenWriter(path)
		for _, name := range names {
			if err != nil {
				return nil, err
			}
			var next *handle.Writer
			next, err = dir.Enter(name, 0o700)
			dir.Close()
			dir = next
		}
		return dir, err
	}
	return f
}

// record returns where the records of docs lie, or one of them.
func (f *folder) record(name ...any) string {
	return filepath.Join(f.path, Records, docs.Name, fmt.Sprint(name...))
}
