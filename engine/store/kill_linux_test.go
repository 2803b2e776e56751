//go:build amd64 || arm64

package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// killEnv makes a process do something under a root, and kill itself before a
// call of those that change a directory: what, the number of the call, and the
// root.
const killEnv = "STORE_TEST_KILL"

func init() { roles[killEnv] = doAndDie }

// deeds are what a process may be killed over.
var deeds = map[string]func(r *Root){
	"seal": func(r *Root) {
		p, err := r.Begin("docs", "5")
		must(failing{}, err)
		fill(failing{}, p, 200)
		sealIt(failing{}, p)
	},
	"remove": func(r *Root) { removeAll(failing{}, r, Ref{"docs", "1"}, Ref{"docs", "2"}) },
}

// failing stands for a test in a process that has none.
type failing struct{ testing.TB }

func (failing) Helper()                  {}
func (failing) Cleanup(func())           {}
func (failing) Context() context.Context { return context.Background() }
func (failing) Fatal(args ...any)        { panic(fmt.Sprint(args...)) }

func doAndDie(value string) {
	var last int
	var deed, path string
	if _, err := fmt.Sscanf(value, "%s %d %s", &deed, &last, &path); err != nil {
		panic(err)
	}
	calls := make(chan uintptr)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		fd, err := filter(unix.SECCOMP_RET_USER_NOTIF, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
			unix.SYS_OPENAT, unix.SYS_MKDIRAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT, unix.SYS_SYMLINKAT, unix.SYS_FCHMODAT)
		if err != nil {
			fmt.Println("needs seccomp:", err)
			return
		}
		calls <- fd
		r, err := Open(path)
		must(failing{}, err)
		deeds[deed](r)
	}()
	select {
	case <-done:
		os.Exit(2)
	case fd := <-calls:
		go supervise(fd, last)
	}
	<-done
	os.Exit(0)
}

// supervise lets calls go on up to the last, see seccomp_unotify(2).
func supervise(fd uintptr, last int) {
	for n := 1; ; n++ {
		var call struct {
			id   uint64
			rest [9]uint64
		}
		var answer struct {
			id, value uint64
			err       int32
			flags     uint32
		}
		if !ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&call)) {
			return
		}
		if n == last {
			unix.Kill(os.Getpid(), unix.SIGKILL)
			select {}
		}
		answer.id, answer.flags = call.id, unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE
		if !ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer)) {
			return
		}
	}
}

// ioctl reports whether the supervised thread is still there.
func ioctl(fd, request uintptr, arg unsafe.Pointer) bool {
	for {
		switch _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(arg)); errno {
		case 0:
			return true
		case unix.ENOENT:
			return false
		case unix.EINTR:
		default:
			panic(errno)
		}
	}
}

// killed runs doAndDie, and reports whether it was killed before its end.
func killed(t *testing.T, deed string, r *Root, last int) bool {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	// Signals of the scheduler would take calls back that are asked about.
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", fmt.Sprintf("%s=%s %d %s", killEnv, deed, last, r.Path))
	out, err := cmd.CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return false
	case ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
		return true
	case ok && exit.ExitCode() == 2 && strings.HasPrefix(string(out), "needs"):
		t.Skip(string(out))
	}
	t.Fatalf("before call %d: %v\n%s", last, err, out)
	return false
}

// TestKill kills a run before each of its calls, and checks that every sealed
// snapshot is whole and the next run finds its way.
func TestKill(t *testing.T) {
	for _, test := range []struct {
		name     string
		before   func(r *Root)
		previous string   // that the next run should take over
		sealed   []string // beside what the run seals
	}{
		{"Fresh", func(*Root) {}, "", nil},
		{"CutOff", func(r *Root) { cutOff(t, r, "1", 300) }, "1", nil},
		{"CutOffTwice", func(r *Root) {
			cutOff(t, r, "1", 300)
			cutOff(t, r, "2", 10)
		}, "1", nil},
		{"CutOffFurther", func(r *Root) {
			cutOff(t, r, "1", 10)
			cutOff(t, r, "2", 300)
		}, "2", nil},
		{"HalfSealed", func(r *Root) {
			cutOff(t, r, "2", 100)
			p := begin(t, r, "1") // has a previous one to sweep
			fill(t, p, 100)
			must(t, os.Rename(filepath.Join(pathOf(p), logName), r.LogPath(p.Ref)))
			must(t, os.Rename(filepath.Join(pathOf(p), manifestName), r.ManifestPath(p.Ref)))
			p.Close()
		}, "", []string{"1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			lost := 0
			for last := 1; ; last++ {
				r := newRoot(t)
				zero := snapshot(t, r, "0")
				test.before(r)
				before := prints(t, r.SnapshotPath(zero))
				again := killed(t, "seal", r, last)
				wantSound(t, r)
				wantSame(t, before, prints(t, r.SnapshotPath(zero)))
				p := begin(t, r, "9")
				sealed := wantSound(t, r) // also what this has completed
				// Where there was nothing before, there may be what the run has done.
				if got := previous(t, p); !slices.Contains(sealed, "5") && got != test.previous && (test.previous != "" || got != "5") {
					t.Logf("killed before call %d: %q is there to take over, not %q", last, got, test.previous)
					lost++
				}
				if !again && p.Previous != nil {
					t.Errorf("the run has left %q", previous(t, p))
				}
				fill(t, p, 100)
				sealIt(t, p)
				sealed = wantSound(t, r)
				wantLatest(t, r, "9")
				// Either sealed or gone, and nothing else lies about.
				want := append([]string{"0"}, test.sealed...)
				if slices.Contains(sealed, "5") {
					want = append(want, "5")
				} else if !again {
					t.Error("the run ended, but has sealed nothing")
				}
				wantList(t, r, files(append(want, "9")...)...)
				wantSame(t, before, prints(t, r.SnapshotPath(zero)))
				if t.Failed() {
					t.Fatalf("killed before call %d", last)
				}
				if !again {
					t.Logf("%d calls", last-1)
					break
				}
			}
			// Between the moves of a tree and of its manifest there is no way back.
			if lost > 1 {
				t.Errorf("killed at %d places, a run loses what was there to take over", lost)
			}
		})
	}
}

func docsPartials(r *Root) ([]string, error) {
	folder, err := r.dir.Open("docs")
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return partials(folder)
}

// wantSound checks what holds at all times, and returns what is sealed.
func wantSound(t *testing.T, r *Root) (stamps []string) {
	t.Helper()
	refs, err := r.Sealed("docs")
	must(t, err)
	for _, ref := range refs {
		wantWhole(t, r, ref)
		stamps = append(stamps, ref.Stamp)
	}
	if partials, err := docsPartials(r); err != nil || len(partials) > 1 {
		t.Errorf("partials: %q, %v", partials, err)
	}
	if to, err := os.Readlink(filepath.Join(r.Path, "docs", latest)); err != nil || !slices.Contains(stamps, to) {
		t.Errorf("latest is %q, %v; sealed are %q", to, err, stamps)
	}
	return stamps
}
