package store

import (
	"errors"
	"math/rand/v2"
	"os"

	"phlb/engine/manifest"
)

const (
	reserve = "reserve"
	// reserveSize is more than a removal needs for locks and folders.
	reserveSize = 512 << 10
)

// Reserve keeps some room in a file that means nothing: where the root is full,
// whoever is about to make room needs a little to begin with. What hinders it is
// no reason to stop.
func (r *Root) Reserve() {
	dir, err := r.ours()
	if err != nil {
		return
	}
	defer dir.Close()
	if i, err := dir.Look(reserve); err == nil && i.Is(manifest.File, reserveSize) {
		return
	}
	dir.Remove(reserve)
	f, err := dir.OpenFile(reserve, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	noise := make([]byte, reserveSize) // some file systems compress
	rand.NewChaCha8([32]byte{}).Read(noise)
	if _, err := f.Write(noise); errors.Join(err, f.Close()) != nil {
		dir.Remove(reserve)
	}
}

// Draw sets free what Reserve keeps.
func (r *Root) Draw() {
	if dir, err := r.ours(); err == nil {
		dir.Remove(reserve)
		dir.Close()
	}
}
