package serve

import (
	"fmt"
	"os"
	"slices"
	"sync"

	"phlb/engine"
)

// cachedEntries is how many entries of folders are kept: sorting and turning pages
// asks for the same again and again.
const cachedEntries = 300_000

// folders keeps what was looked at last.
type folders struct {
	mu   sync.Mutex
	list []keptFolder // the last used one last
}

type keptFolder struct {
	key    string
	folder *engine.Folder
}

func (k keptFolder) weight() int {
	return len(k.folder.Entries) + len(k.folder.Below) + len(k.folder.Steps)
}

func (f *folders) get(key string) *engine.Folder {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.list, func(k keptFolder) bool { return k.key == key })
	if i < 0 {
		return nil
	}
	found := f.list[i]
	f.list = append(slices.Delete(f.list, i, i+1), found)
	return found.folder
}

func (f *folders) put(key string, folder *engine.Folder) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, keptFolder{key, folder})
	total := 0
	for i, k := range slices.Backward(f.list) {
		if total += k.weight(); total > cachedEntries && i < len(f.list)-1 {
			f.list = slices.Delete(f.list, 0, i+1)
			break
		}
	}
}

// folder looks at a path in all snapshots of a name. Nobody may change what it
// returns.
func (s *Server) folder(r *request, of *engine.Snapshot, path string, deep bool) (*engine.Folder, error) {
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	// The same file of a catalog, with the same snapshots, says the same.
	catalog := "none"
	if info, err := os.Stat(r.e.Config.Catalog); err == nil {
		catalog = fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	}
	key := fmt.Sprintf("%s %d %d %s %t %q", catalog, len(recorded.Snapshots), recorded.Snapshots[0].ID, of.Ref(), deep, path)
	if found := s.folders.get(key); found != nil {
		return found, nil
	}
	leave, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	found, err := r.e.Folder(r.Context(), of, path, deep)
	if err != nil {
		return nil, err
	}
	s.folders.put(key, found)
	return found, nil
}
