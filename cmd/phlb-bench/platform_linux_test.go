package main

import "testing"

func TestMountType(t *testing.T) {
	const mounts = `/dev/vda / ext4 rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
/dev/sdb /mnt/my\040disk xfs rw 0 0
auto /mnt/net autofs rw 0 0
host:/x /mnt/net nfs4 rw 0 0
`
	for dir, want := range map[string]string{
		"/":              "ext4",
		"/dev/shm":       "tmpfs",
		"/dev/shm/a":     "tmpfs",
		"/dev/shmem":     "ext4",
		"/mnt/my disk/x": "xfs",
		"/mnt/net/a/b":   "nfs4",
	} {
		if got := mountType(mounts, dir); got != want {
			t.Errorf("%s is on %q, want %q", dir, got, want)
		}
	}
}

func TestPlatform(t *testing.T) {
	dir := t.TempDir()
	if err := flush(dir); err != nil {
		t.Error(err)
	}
	if free, ok := freeSpace(dir); !ok || free == 0 {
		t.Errorf("%d bytes free, %v", free, ok)
	}
	if fileSystem(dir) == "" {
		t.Error("no file system")
	}
}
