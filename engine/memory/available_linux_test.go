package memory

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

func TestOfGroups(t *testing.T) {
	const none = "9223372036854771712\n" // of version 1
	for _, test := range []struct {
		name, groups string
		limits       map[string]string // below /sys/fs/cgroup
		want         uint64
	}{
		{"None", "0::/user.slice/session\n", map[string]string{"user.slice/session/memory.max": "max\n", "user.slice/memory.max": "max\n"}, 0},
		{"Own", "0::/user.slice/session\n", map[string]string{"user.slice/session/memory.max": "1000\n", "user.slice/memory.max": "max\n"}, 1000},
		{"Around", "0::/user.slice/session\n", map[string]string{"user.slice/session/memory.max": "max\n", "user.slice/memory.max": "900\n"}, 900},
		{"Smallest", "0::/a/b/c\n", map[string]string{"a/b/c/memory.max": "800\n", "a/b/memory.max": "700\n", "a/memory.max": "750\n"}, 700},
		{"Beside", "0::/a\n", map[string]string{"a/memory.max": "800\n", "b/memory.max": "10\n", "a/b/memory.max": "10\n"}, 800},
		{"Container", "0::/\n", map[string]string{"memory.max": "600\n"}, 600},
		{"Outside", "0::/../other\n", map[string]string{"memory.max": "500\n"}, 500},
		{"Version1", "5:cpu,cpuacct:/x\n4:memory:/docker/a\n1:name=systemd:/docker/a\n",
			map[string]string{"memory/docker/a/memory.limit_in_bytes": "400\n", "memory/docker/memory.limit_in_bytes": none, "memory/x/memory.limit_in_bytes": "5\n"}, 400},
		{"Version1Container", "4:memory,hugetlb:/docker/a\n", map[string]string{"memory/memory.limit_in_bytes": "300\n"}, 300},
		{"Both", "4:memory:/a\n0::/b\n", map[string]string{"memory/a/memory.limit_in_bytes": "200\n", "b/memory.max": "250\n"}, 200},
		{"Garbage", "0:\n\nx\n0::/a\n", map[string]string{"a/memory.max": "-5\n"}, 0},
		{"NoGroups", "", map[string]string{"memory.max": "5\n"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			system := fstest.MapFS{"proc/self/cgroup": {Data: []byte(test.groups)}}
			for path, text := range test.limits {
				system["sys/fs/cgroup/"+path] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := ofGroups(system); got != test.want {
				t.Errorf("the limit is %d, want %d", got, test.want)
			}
		})
	}
	if got := ofGroups(fstest.MapFS{}); got != 0 {
		t.Errorf("without /proc the limit is %d", got)
	}
}

// TestAvailable asks a process whose address space is limited, before and after it takes
// some of that.
func TestAvailable(t *testing.T) {
	const asked = "PHLB_TEST_AVAILABLE"
	if os.Getenv(asked) != "" {
		limit := unix.Rlimit{Cur: addresses(os.DirFS("/")) + 3<<30, Max: unix.RLIM_INFINITY}
		if err := unix.Setrlimit(unix.RLIMIT_AS, &limit); err != nil {
			t.Fatal(err)
		}
		before := Available()
		if _, err := unix.Mmap(-1, 0, 1<<30, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE); err != nil {
			t.Fatal(err)
		}
		fmt.Println("available", before, Available())
		return
	}
	whole := Available()
	if whole < 4<<30 {
		t.Skipf("%d bytes are available, which is too little to tell what limits them", whole)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestAvailable$")
	child.Env = append(os.Environ(), asked+"=1")
	out, err := child.CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), unix.EPERM.Error()) {
			t.Skipf("the address space is limited already: %s", out)
		}
		t.Fatalf("%v: %s", err, out)
	}
	var before, after uint64
	if _, err := fmt.Sscanf(string(out), "available %d %d", &before, &after); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const slack = 256 << 20 // Go takes addresses in between
	if before > 3<<30 || before < 3<<30-slack || after > 2<<30 || after < 2<<30-slack {
		t.Errorf("of 3 GiB %d bytes are available, and %d after one was taken", before, after)
	}
}
