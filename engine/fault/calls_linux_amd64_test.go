package fault

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A kind is one system call: what its arguments are, and which errors it is
// made to return. The first of these is the one of the short form.
type kind struct {
	name   string
	args   string // a letter for each: p path, d directory that the next path is relative to, f file, - anything else
	errors []syscall.Errno
}

var (
	looking   = []syscall.Errno{unix.EIO, unix.ENOMEM, unix.EACCES, unix.ESTALE}
	opening   = []syscall.Errno{unix.EIO, unix.EMFILE, unix.ENOMEM, unix.EACCES, unix.EPERM, unix.ESTALE, unix.EINTR}
	creating  = []syscall.Errno{unix.ENOSPC, unix.EIO, unix.EMFILE, unix.ENOMEM, unix.EACCES, unix.EPERM, unix.ESTALE, unix.EINTR}
	reading   = []syscall.Errno{unix.EIO, unix.ENOMEM, unix.ESTALE, unix.EINTR}
	writing   = []syscall.Errno{unix.ENOSPC, unix.EIO, unix.ENOMEM, unix.ESTALE, unix.EINTR}
	naming    = []syscall.Errno{unix.EIO, unix.ENOSPC, unix.ENOMEM, unix.EPERM, unix.EACCES, unix.ESTALE}
	removing  = []syscall.Errno{unix.EPERM, unix.EIO, unix.ENOMEM, unix.EACCES, unix.ESTALE}
	dressing  = []syscall.Errno{unix.EPERM, unix.EIO, unix.ENOSPC, unix.EACCES, unix.ESTALE}
	attribute = []syscall.Errno{unix.EACCES, unix.EPERM, unix.EIO, unix.ENOMEM, unix.ESTALE}
	syncing   = []syscall.Errno{unix.EIO, unix.ENOSPC, unix.ESTALE, unix.EINTR}
	locking   = []syscall.Errno{unix.ENOLCK, unix.EIO, unix.EINTR, unix.ESTALE}
	closing   = []syscall.Errno{unix.EIO, unix.ENOSPC, unix.EINTR}
	mapping   = []syscall.Errno{unix.ENOMEM, unix.EACCES}
	cloning   = []syscall.Errno{unix.EIO, unix.ENOSPC, unix.ENOMEM}
)

// changes reports whether a call can leave something else on the disk.
func (k kind) changes() bool {
	switch k.name {
	case "open", "openat", "openat2", "close", "read", "readv", "pread64", "getdents64", "lseek", "mmap", "name_to_handle_at",
		"stat", "lstat", "fstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2",
		"readlink", "readlinkat", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr":
		return false
	}
	return true
}

// dresses reports whether a call gives metadata to something.
func (k kind) dresses() bool { return &k.errors[0] == &dressing[0] }

// kinds are the calls that the tracer asks about, by number.
var kinds = map[uint32]kind{
	unix.SYS_OPEN:              {"open", "p", opening},
	unix.SYS_OPENAT:            {"openat", "dp", opening},
	unix.SYS_OPENAT2:           {"openat2", "dp", opening},
	unix.SYS_CREAT:             {"creat", "p", creating},
	unix.SYS_CLOSE:             {"close", "f", closing},
	unix.SYS_READ:              {"read", "f", reading},
	unix.SYS_READV:             {"readv", "f", reading},
	unix.SYS_PREAD64:           {"pread64", "f", reading},
	unix.SYS_GETDENTS64:        {"getdents64", "f", reading},
	unix.SYS_WRITE:             {"write", "f", writing},
	unix.SYS_WRITEV:            {"writev", "f", writing},
	unix.SYS_PWRITE64:          {"pwrite64", "f", writing},
	unix.SYS_STAT:              {"stat", "p", looking},
	unix.SYS_LSTAT:             {"lstat", "p", looking},
	unix.SYS_FSTAT:             {"fstat", "f", looking},
	unix.SYS_NEWFSTATAT:        {"newfstatat", "dp", looking},
	unix.SYS_STATX:             {"statx", "dp", looking},
	unix.SYS_STATFS:            {"statfs", "p", looking},
	unix.SYS_FSTATFS:           {"fstatfs", "f", looking},
	unix.SYS_ACCESS:            {"access", "p", looking},
	unix.SYS_FACCESSAT:         {"faccessat", "dp", looking},
	unix.SYS_FACCESSAT2:        {"faccessat2", "dp", looking},
	unix.SYS_READLINK:          {"readlink", "p", looking},
	unix.SYS_READLINKAT:        {"readlinkat", "dp", looking},
	unix.SYS_LSEEK:             {"lseek", "f", []syscall.Errno{unix.EIO}},
	unix.SYS_MKDIR:             {"mkdir", "p", naming},
	unix.SYS_MKDIRAT:           {"mkdirat", "dp", naming},
	unix.SYS_MKNOD:             {"mknod", "p", naming},
	unix.SYS_MKNODAT:           {"mknodat", "dp", naming},
	unix.SYS_LINK:              {"link", "pp", naming},
	unix.SYS_LINKAT:            {"linkat", "dpdp", naming},
	unix.SYS_SYMLINK:           {"symlink", "-p", naming},
	unix.SYS_SYMLINKAT:         {"symlinkat", "-dp", naming},
	unix.SYS_RENAME:            {"rename", "pp", naming},
	unix.SYS_RENAMEAT:          {"renameat", "dpdp", naming},
	unix.SYS_RENAMEAT2:         {"renameat2", "dpdp", naming},
	unix.SYS_RMDIR:             {"rmdir", "p", removing},
	unix.SYS_UNLINK:            {"unlink", "p", removing},
	unix.SYS_UNLINKAT:          {"unlinkat", "dp", removing},
	unix.SYS_TRUNCATE:          {"truncate", "p", writing},
	unix.SYS_FTRUNCATE:         {"ftruncate", "f", writing},
	unix.SYS_FALLOCATE:         {"fallocate", "f", writing},
	unix.SYS_CHMOD:             {"chmod", "p", dressing},
	unix.SYS_FCHMOD:            {"fchmod", "f", dressing},
	unix.SYS_FCHMODAT:          {"fchmodat", "dp", dressing},
	unix.SYS_FCHMODAT2:         {"fchmodat2", "dp", dressing},
	unix.SYS_CHOWN:             {"chown", "p", dressing},
	unix.SYS_LCHOWN:            {"lchown", "p", dressing},
	unix.SYS_FCHOWN:            {"fchown", "f", dressing},
	unix.SYS_FCHOWNAT:          {"fchownat", "dp", dressing},
	unix.SYS_UTIMENSAT:         {"utimensat", "dp", dressing},
	unix.SYS_SETXATTR:          {"setxattr", "p", dressing},
	unix.SYS_LSETXATTR:         {"lsetxattr", "p", dressing},
	unix.SYS_FSETXATTR:         {"fsetxattr", "f", dressing},
	unix.SYS_REMOVEXATTR:       {"removexattr", "p", dressing},
	unix.SYS_LREMOVEXATTR:      {"lremovexattr", "p", dressing},
	unix.SYS_FREMOVEXATTR:      {"fremovexattr", "f", dressing},
	unix.SYS_GETXATTR:          {"getxattr", "p", attribute},
	unix.SYS_LGETXATTR:         {"lgetxattr", "p", attribute},
	unix.SYS_FGETXATTR:         {"fgetxattr", "f", attribute},
	unix.SYS_LISTXATTR:         {"listxattr", "p", attribute},
	unix.SYS_LLISTXATTR:        {"llistxattr", "p", attribute},
	unix.SYS_FLISTXATTR:        {"flistxattr", "f", attribute},
	unix.SYS_FSYNC:             {"fsync", "f", syncing},
	unix.SYS_FDATASYNC:         {"fdatasync", "f", syncing},
	unix.SYS_SYNCFS:            {"syncfs", "f", syncing},
	unix.SYS_SYNC_FILE_RANGE:   {"sync_file_range", "f", syncing},
	unix.SYS_FLOCK:             {"flock", "f", locking},
	unix.SYS_FCNTL:             {"fcntl", "f", locking},
	unix.SYS_IOCTL:             {"ioctl", "f", cloning},
	unix.SYS_COPY_FILE_RANGE:   {"copy_file_range", "f-f", cloning},
	unix.SYS_SENDFILE:          {"sendfile", "ff", cloning},
	unix.SYS_MMAP:              {"mmap", "----f", mapping},
	unix.SYS_MSYNC:             {"msync", "-", syncing},
	unix.SYS_NAME_TO_HANDLE_AT: {"name_to_handle_at", "dp", looking},
}

// filterCode returns the filter that stops at kinds: of fcntl, which Go calls for
// every file, at locks alone, and of mmap, at files alone.
func filterCode() []unix.SockFilter {
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K

		argument = 16 // offset of the first one, the low half first
	)
	code := []unix.SockFilter{{Code: load}}
	for n := range kinds {
		switch n {
		case unix.SYS_FCNTL, unix.SYS_MMAP:
		default:
			code = append(code,
				unix.SockFilter{Code: equal, K: n, Jf: 1},
				unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_TRACE})
		}
	}
	return append(code,
		unix.SockFilter{Code: equal, K: unix.SYS_MMAP, Jf: 3},
		unix.SockFilter{Code: load, K: argument + 4*8},
		unix.SockFilter{Code: equal, K: ^uint32(0), Jt: 6},
		unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_TRACE},
		unix.SockFilter{Code: equal, K: unix.SYS_FCNTL, Jf: 4},
		unix.SockFilter{Code: load, K: argument + 8},
		unix.SockFilter{Code: equal, K: unix.F_SETLK, Jt: 3},
		unix.SockFilter{Code: equal, K: unix.F_SETLKW, Jt: 2},
		unix.SockFilter{Code: equal, K: unix.F_OFD_SETLK, Jt: 1},
		unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_TRACE})
}

// kind returns what c is a call of, with a mark on one that makes a file.
func (c *call) kind() (kind, bool) {
	k, ok := kinds[uint32(c.regs.Orig_rax)]
	if ok && k.name == "openat" && c.arg(2)&unix.O_CREAT != 0 {
		k.name, k.errors = "openat+creat", creating
	}
	return k, ok
}

// onlyRead reports whether the file that is closed was opened to be read: nothing
// hangs on how that ends.
func (c *call) onlyRead() bool {
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", c.tid, int32(c.arg(0))))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(info), "flags:\t")
	text, _, _ := strings.Cut(rest, "\n")
	flags, err := strconv.ParseUint(text, 8, 32)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY
}

// targets returns the paths that c is about, whole ones.
func (c *call) targets(k kind) (paths []string) {
	for i := 0; i < len(k.args); i++ {
		switch k.args[i] {
		case 'f':
			paths = append(paths, c.file(int32(c.arg(i))))
		case 'p':
			paths = append(paths, c.below(unix.AT_FDCWD, c.text(i)))
		case 'd':
			paths = append(paths, c.below(int32(c.arg(i)), c.text(i+1)))
			i++
		}
	}
	return paths
}

// file returns the path of an open file.
func (c *call) file(fd int32) string {
	link := fmt.Sprintf("/proc/%d/fd/%d", c.tid, fd)
	if fd == unix.AT_FDCWD {
		link = fmt.Sprintf("/proc/%d/cwd", c.tid)
	}
	path, _ := os.Readlink(link)
	return strings.TrimSuffix(path, " (deleted)")
}

// below returns the path that lies under an open directory. One may be named by
// its descriptor too, see proc(5).
func (c *call) below(fd int32, path string) string {
	if rest, ok := strings.CutPrefix(path, "/proc/self/fd/"); ok {
		number, rest, _ := strings.Cut(rest, "/")
		if fd, err := strconv.Atoi(number); err == nil {
			return filepath.Join(c.file(int32(fd)), rest)
		}
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(c.file(fd), path)
}
