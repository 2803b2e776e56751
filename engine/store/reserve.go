package store

import (
	"fmt"
	"math/rand/v2"
	"os"

	"phlb/engine/lock"
	"phlb/engine/manifest"
	"phlb/engine/store/deletion"
)

const (
	reserve = "reserve"
	// reserveRoom is the name of the file that takes room.
	reserveRoom = "room"
	// reserveSize is more than a removal needs for locks and folders.
	reserveSize = 512 << 10
	// reserveFiles is how many files there are, so that as many others can be made
	// where no inode is left: the first removal makes the folder of a lock.
	reserveFiles = 16
)

// Reserve keeps some room, and some inodes, in files that mean nothing: where the
// root is full, whoever is about to make room needs a little to begin with. What
// hinders it is no reason to stop, and a part of it is better than nothing.
func (r *Root) Reserve() {
	in, err := r.ours()
	if err != nil {
		return
	}
	defer in.Close()
	dir, err := in.Open(reserve)
	if err != nil {
		if err = deletion.Erase(in, reserve); err == nil {
			dir, err = in.Mkdir(reserve)
		}
	}
	if err != nil {
		return
	}
	defer dir.Close()
	list, err := dir.List()
	if err != nil {
		return
	}
	if i, err := dir.Look(reserveRoom); err == nil && i.Is(manifest.File, reserveSize) && len(list) >= reserveFiles {
		return
	}
	dir.Remove(reserveRoom)
	if f, err := dir.OpenFile(reserveRoom, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		noise := make([]byte, reserveSize) // some file systems compress
		rand.NewChaCha8([32]byte{}).Read(noise)
		f.Write(noise)
		f.Close()
	}
	// A removal takes locks, whose folders may need a block each.
	for _, name := range []string{sealLock, trashLock} {
		if at, err := r.ours(locks, lock.Records, name); err == nil {
			at.Close()
		}
	}
	for n := range reserveFiles - 1 {
		f, err := dir.OpenFile(fmt.Sprint(n), os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			break
		}
		f.Close()
	}
}

// Draw sets free what Reserve keeps, until the root is closed.
func (r *Root) Draw() {
	r.drawn.Store(true)
	if in, err := r.ours(); err == nil {
		deletion.Erase(in, reserve)
		in.Close()
	}
}

// tidying calls f, and where the root is full once more with what Reserve keeps: it
// is for what takes little, and must not be refused.
func (r *Root) tidying(f func() error) error {
	err := f()
	if IsFull(err) {
		r.Draw()
		err = f()
	}
	return err
}
