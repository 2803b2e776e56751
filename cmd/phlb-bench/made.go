package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"phlb/engine/manifest"
)

// A history is a backup name with snapshots that nobody took: empty folders
// with manifests, which is all that a catalog is made from. Every path is one
// of a tree of folders with filesPerFolder files each, and in every snapshot
// but the first one in changedShare files is another one.
type history struct {
	root      string // the backup root
	name      string
	paths     int // in each snapshot, with the folders
	snapshots int
	seed      uint64

	versions int // that differ, of all paths: set by write
}

const (
	filesPerFolder = 100
	foldersPerTop  = 100
	changedShare   = 100
)

// lastRun is when the last snapshot was taken; there was one on every day before.
var lastRun = time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)

func (h *history) started(s int) time.Time { return lastRun.AddDate(0, 0, s+1-h.snapshots) }

// write makes the folders and the manifests.
func (h *history) write(ctx context.Context) error {
	dir := filepath.Join(h.root, h.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	h.versions = h.paths
	changed := make([]uint16, h.paths) // in which snapshot last
	var g sync.WaitGroup
	errs := make([]error, h.snapshots)
	free := make(chan struct{}, runtime.NumCPU())
	for s := range h.snapshots {
		fresh := h.paths
		if s > 0 {
			fresh = h.change(changed, s)
			h.versions += fresh
		}
		if ctx.Err() != nil {
			break
		}
		state := slices.Clone(changed)
		free <- struct{}{}
		g.Go(func() {
			errs[s] = h.writeManifest(dir, s, state, fresh)
			<-free
		})
	}
	g.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// change draws the files that are others in snapshot s, and returns how many
// these are.
func (h *history) change(changed []uint16, s int) int {
	pick := rand.New(rand.NewPCG(h.seed, uint64(s)))
	n := 0
	for i := range changed {
		if pick.IntN(changedShare) == 0 && h.isFile(i) {
			changed[i] = uint16(s)
			n++
		}
	}
	return n
}

func (h *history) writeManifest(dir string, s int, changed []uint16, fresh int) (err error) {
	started := h.started(s)
	stamp := started.Format("2006-01-02-150405")
	if err := os.Mkdir(filepath.Join(dir, stamp), 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, stamp+manifest.Suffix))
	if err != nil {
		return err
	}
	defer f.Close()
	w := manifest.NewWriter(f, manifest.Header{
		Name: h.name, Source: "/made-up", Host: "bench", Started: started, Match: "permissions",
	})
	defer w.Abort()
	var e manifest.Entry
	newBytes := int64(0)
	for i := range h.paths {
		h.entry(&e, i, changed[i])
		if int(changed[i]) == s {
			newBytes += e.Size
		}
		if err := w.Write(&e); err != nil {
			return err
		}
	}
	err = w.Close(manifest.Summary{
		Finished: started.Add(time.Minute), Unchanged: int64(h.paths - fresh), New: int64(fresh), NewBytes: newBytes,
	})
	if err != nil {
		return err
	}
	return f.Close()
}

// The paths are numbered in the order of a manifest: the root; then every top
// folder with its folders, and these with their files.
const (
	perFolder = 1 + filesPerFolder
	perTop    = 1 + foldersPerTop*perFolder
)

// place returns the numbers of the top folder, the folder in it and the file in
// that, -1 where path i has none.
func place(i int) (top, folder, file int) {
	if i == 0 {
		return -1, -1, -1
	}
	top, i = (i-1)/perTop, (i-1)%perTop
	if i == 0 {
		return top, -1, -1
	}
	return top, (i - 1) / perFolder, (i-1)%perFolder - 1
}

func (h *history) isFile(i int) bool {
	_, _, file := place(i)
	return file >= 0
}

// path returns the name of path i, about 50 bytes long.
func (h *history) path(i int) string {
	top, folder, file := place(i)
	if top < 0 {
		return "."
	}
	b := fmt.Appendf(nil, "archive-%03d", top)
	if folder >= 0 {
		b = fmt.Appendf(b, "/project %02d %s", folder, words[folder%len(words)])
	}
	if file >= 0 {
		n := uint64(i) * 0x9e3779b97f4a7c15 >> 32
		b = strconv.AppendInt(append(b, '/'), int64(1000+file), 10) // of one length, to be in order
		b = append(b, '-')
		b = append(b, words[n%uint64(len(words))]...)
		b = append(b, '-')
		b = append(b, words[n>>8%uint64(len(words))]...)
		b = append(b, endings[n>>16%uint64(len(endings))]...)
	}
	return string(b)
}

var (
	words   = []string{"accounts", "harbour", "minutes", "draft", "letters", "invoice", "spring", "panorama", "backup", "notes", "evening", "map"}
	endings = []string{".jpg", ".txt", ".pdf", ".png", ".go", ".odt", ".csv", ".mp3", ".html", ".md"}
)

// entry says what path i was since it changed in a snapshot.
func (h *history) entry(e *manifest.Entry, i int, changed uint16) {
	r := rand.NewPCG(h.seed^uint64(i), uint64(changed))
	*e = manifest.Entry{Path: h.path(i), Kind: manifest.Dir, Size: 4096, Inode: uint64(i + 2)}
	e.Permissions = manifest.Permissions{Mode: 0o755, UID: 1000, GID: 1000}
	last := h.started(int(changed))
	n := r.Uint64()
	e.Mtime = manifest.Time{Sec: last.Unix() - 1 - int64(n%80_000), Nsec: uint32(n >> 32 % 1e9)}
	e.Ctime = e.Mtime
	if !h.isFile(i) {
		return
	}
	e.Kind, e.Mode = manifest.File, 0o644
	e.Size = int64(r.Uint64() >> (40 + n%16)) // a few bytes to a few megabytes
	var sum [32]byte
	for at := 0; at < len(sum); at += 8 {
		binary.LittleEndian.PutUint64(sum[at:], r.Uint64())
	}
	e.Digest = manifest.Digest256(sum)
}
