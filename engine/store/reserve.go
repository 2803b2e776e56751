package store

import (
	"math/rand/v2"
	"os"
	"path/filepath"
)

// reserveSize is more than a removal needs for locks and folders.
const reserveSize = 512 << 10

func (r *Root) reservePath() string { return filepath.Join(r.Path, internal, "reserve") }

// Reserve keeps some room in a file that means nothing: where the root is full,
// whoever is about to make room needs a little to begin with. What hinders it is
// no reason to stop.
func (r *Root) Reserve() {
	if info, err := os.Lstat(r.reservePath()); err == nil && info.Size() == reserveSize {
		return
	}
	noise := make([]byte, reserveSize) // some file systems compress
	rand.NewChaCha8([32]byte{}).Read(noise)
	if err := os.WriteFile(r.reservePath(), noise, 0o666); err != nil {
		r.Draw()
	}
}

// Draw sets free what Reserve keeps.
func (r *Root) Draw() { os.Remove(r.reservePath()) }
