package engine_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/engine"
	"phlb/engine/manifest"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("file", "x", "SHA256SUMS", "not ours", "latest", "a file", "x.partial", "another", "x.partial.d/f", "1")
	r.must(os.MkdirAll(r.in("empty/empty"), 0o750))
	r.must(os.Symlink("nowhere", r.in("dangling")))
	r.must(os.Symlink("closed", r.in("to a dir")))
	r.must(os.Symlink(strings.Repeat("long/", 800), r.in("long")))
	r.fifo(r.in("fifo"), 0o640)
	socket, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", r.in("socket"))
	r.must(err)
	defer socket.Close()
	files, others := int64(5), 5
	if os.Getuid() == 0 {
		r.must(os.Mkdir(r.in("closed"), 0))
		r.must(unix.Mknod(r.in("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		r.must(unix.Mknod(r.in("disk"), unix.S_IFBLK|0o660, int(unix.Mkdev(259, 70000))))
		r.must(os.Chown(r.in("file"), 1234, 4321))
		r.must(os.Lchown(r.in("dangling"), 12, 21))
		r.must(os.Chmod(r.in("file"), 0o755|os.ModeSetuid|os.ModeSetgid|os.ModeSticky))
		r.must(os.Chown(r.in("empty"), 7, 8))
		others += 2
	}
	for run := range 2 {
		s := r.backup()
		r.alike(s)
		r.counts(s, int64(run)*files, 0, int64(1-run)*files)
		kinds := 0
		for _, e := range readManifest(t, s) {
			if e.Kind != manifest.File && e.Kind != manifest.Dir {
				kinds++
			}
		}
		if kinds != others {
			t.Errorf("%d special entries, want %d", kinds, others)
		}
	}
	if all := r.snapshots(); len(all) != 2 {
		t.Errorf("%d snapshots, want 2", len(all))
	}
}

// TestAccessTimes checks that reading leaves no trace in the source.
func TestAccessTimes(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("d/small", "1", "d/large", strings.Repeat("2", 1<<20))
	long := time.Unix(1e9, 0)
	paths := []string{"d/small", "d/large", "d", "."}
	for _, path := range paths {
		info, err := os.Stat(r.in(path))
		r.must(err)
		r.must(os.Chtimes(r.in(path), long, info.ModTime()))
	}
	_, err := r.try(engine.Source{}) // without a look of our own at the content
	r.must(err)
	for _, path := range paths {
		var st unix.Stat_t
		r.must(unix.Stat(r.in(path), &st))
		if int64(st.Atim.Sec) != long.Unix() {
			t.Errorf("%s was accessed at %v", path, time.Unix(st.Atim.Unix()))
		}
	}
}

// TestDeep has paths that are longer than one system call takes.
func TestDeep(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	const levels = 30
	name := strings.Repeat("n", 200)
	fd, err := unix.Open(r.source, unix.O_DIRECTORY|unix.O_RDONLY, 0)
	r.must(err)
	for range levels {
		r.must(unix.Mkdirat(fd, name, 0o755))
		next, err := unix.Openat(fd, name, unix.O_DIRECTORY|unix.O_RDONLY, 0)
		r.must(err)
		unix.Close(fd)
		fd = next
	}
	f, err := unix.Openat(fd, "file", unix.O_CREAT|unix.O_WRONLY, 0o644)
	r.must(err)
	_, err = unix.Write(f, []byte("deep"))
	r.must(err)
	unix.Close(f)
	unix.Close(fd)
	for run := range int64(2) {
		s, err := r.try(engine.Source{})
		r.must(err)
		r.counts(s, run, 0, 1-run)
		path := strings.Repeat(name+"/", levels) + "file"
		if e := readManifest(t, s)[path]; e.Size != 4 {
			t.Errorf("the file is not in the manifest: %+v", e)
		}
	}
}
