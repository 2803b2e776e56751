package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// bareWorkers is how many goroutines work on files beside the one that lists.
const bareWorkers = 4

// bareTool makes the system calls that a backup cannot do without, and nothing
// else: no manifest, no catalog, no order, no care. How far phlb is from it is
// what phlb itself costs; how far it is from cp is up to the machine.
func bareTool() tool {
	self, err := os.Executable()
	if err != nil {
		return tool{name: "bare", unfit: err.Error()}
	}
	return tool{
		name: "bare", version: "bare system calls",
		steps: map[string]step{
			"first": {"bare copy, hashed", func(j job) [][]string {
				return [][]string{{self, bareCommand, j.src, "", j.to("first")}}
			}},
			"unchanged": {"bare look, link", func(j job) [][]string {
				return [][]string{{self, bareCommand, j.src, j.to("first"), j.to("unchanged")}}
			}},
		},
	}
}

// bare makes the folder at dst of the one at src: of links to the files in
// previous, which it takes a look at, or without one of hashed copies.
func bare(src, previous, dst string) error {
	if err := os.Mkdir(dst, 0o700); err != nil {
		return err
	}
	var f bareFolder
	var err error
	if f.src, err = openFolder(unix.AT_FDCWD, src); err != nil {
		return fmt.Errorf("%s: %w", src, err)
	}
	if f.dst, err = openFolder(unix.AT_FDCWD, dst); err != nil {
		return fmt.Errorf("%s: %w", dst, err)
	}
	if f.linked = previous != ""; f.linked {
		if f.previous, err = openFolder(unix.AT_FDCWD, previous); err != nil {
			return fmt.Errorf("%s: %w", previous, err)
		}
	}
	todo := make(chan bareFolder, 64)
	failed := make(chan error, bareWorkers)
	var workers sync.WaitGroup
	for range bareWorkers {
		workers.Go(func() {
			buf := make([]byte, 256<<10)
			var first error
			for f := range todo {
				first = errors.Join(first, f.fill(buf))
			}
			failed <- first
		})
	}
	err = f.list(todo)
	close(todo)
	workers.Wait()
	for range bareWorkers {
		err = errors.Join(err, <-failed)
	}
	return err
}

// bareFolder is a folder in the source, in the copy before, and in the new one.
type bareFolder struct {
	src, previous, dst int
	linked             bool // there is a copy before
	files              []os.DirEntry
}

func openFolder(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// list hands out all that lies below f, and then f itself, which is not needed
// any more.
func (f bareFolder) list(todo chan<- bareFolder) error {
	again, err := unix.Dup(f.src)
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(again), "")
	all, err := dir.ReadDir(-1)
	dir.Close()
	if err != nil {
		return err
	}
	for _, e := range all {
		if !e.IsDir() {
			f.files = append(f.files, e)
			continue
		}
		sub := bareFolder{linked: f.linked}
		if err := unix.Mkdirat(f.dst, e.Name(), 0o700); err != nil {
			return err
		}
		if sub.src, err = openFolder(f.src, e.Name()); err != nil {
			return err
		}
		if sub.dst, err = openFolder(f.dst, e.Name()); err != nil {
			return err
		}
		if f.linked {
			if sub.previous, err = openFolder(f.previous, e.Name()); err != nil {
				return err
			}
		}
		if err := sub.list(todo); err != nil {
			return err
		}
	}
	todo <- f
	return nil
}

// fill makes what f holds, gives it its metadata, and closes it.
func (f bareFolder) fill(buf []byte) error {
	defer unix.Close(f.src)
	defer unix.Close(f.dst)
	if f.linked {
		defer unix.Close(f.previous)
	}
	for _, e := range f.files {
		make := f.copy
		if f.linked {
			make = f.link
		}
		if err := make(e.Name(), buf); err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(f.src, &st); err != nil {
		return err
	}
	return f.setMetadata(".", f.dst, &st)
}

func (f bareFolder) link(name string, _ []byte) error {
	var st unix.Stat_t
	if err := unix.Fstatat(f.src, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if err := unix.Fstatat(f.previous, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	return unix.Linkat(f.previous, name, f.dst, name, 0)
}

func (f bareFolder) copy(name string, buf []byte) error {
	var st unix.Stat_t
	if err := unix.Fstatat(f.src, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFLNK:
		n, err := unix.Readlinkat(f.src, name, buf)
		if err != nil {
			return err
		}
		return unix.Symlinkat(string(buf[:n]), f.dst, name)
	default:
		return nil // needs more than its like in a tree is worth
	}
	from, err := unix.Openat(f.src, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	in := os.NewFile(uintptr(from), name)
	defer in.Close()
	to, err := unix.Openat(f.dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	out := os.NewFile(uintptr(to), name)
	defer out.Close()
	hash := sha256.New()
	if _, err := io.CopyBuffer(io.MultiWriter(hash, out), struct{ io.Reader }{in}, buf); err != nil {
		return err
	}
	return f.setMetadata(name, to, &st)
}

// setMetadata takes the open file, and its name for what a handle cannot be
// asked for.
func (f bareFolder) setMetadata(name string, fd int, st *unix.Stat_t) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, st.Mtim}
	if err := unix.UtimesNanoAt(f.dst, name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	// An ordinary user cannot give files away, and cp -a is silent about it too.
	if err := unix.Fchown(fd, int(st.Uid), int(st.Gid)); err != nil && err != unix.EPERM {
		return err
	}
	return unix.Fchmod(fd, st.Mode&0o7777)
}
