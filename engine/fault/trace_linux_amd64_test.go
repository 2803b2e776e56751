package fault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A verdict says what becomes of a call that the tracer was asked about.
type verdict int

const (
	goOn       verdict = iota
	goOnForAll         // and ask about no other call
	killBefore         // the process ends, the call is not made
	killAfter          // the call is made, then the process ends
	refuse             // the call is not made, and returns the error
	refuseLate         // the call is made, and returns the error all the same
)

// A program is one process that runs under the tracer.
type program struct {
	argv []string
	env  []string
	dir  string
	out  *os.File // its stdout
	err  *os.File // its stderr
	wait time.Duration

	// ask is called for every file-system call that the process is about to make.
	ask func(c *call) (verdict, syscall.Errno)
}

// A call is one that a thread of the process is about to make.
type call struct {
	pid, tid int
	regs     unix.PtraceRegs
}

// arg returns argument n, from 0.
func (c *call) arg(n int) uint64 {
	return [...]uint64{c.regs.Rdi, c.regs.Rsi, c.regs.Rdx, c.regs.R10, c.regs.R8, c.regs.R9}[n]
}

// text returns the string that argument n points to.
func (c *call) text(n int) string {
	var out []byte
	for at := uintptr(c.arg(n)); len(out) < unix.PathMax; {
		piece := make([]byte, 256-at%256) // never across a page
		local := []unix.Iovec{{Base: &piece[0], Len: uint64(len(piece))}}
		remote := []unix.RemoteIovec{{Base: at, Len: len(piece)}}
		if n, err := unix.ProcessVMReadv(c.pid, local, remote, 0); err != nil || n != len(piece) {
			break
		}
		if end := bytes.IndexByte(piece, 0); end >= 0 {
			return string(append(out, piece[:end]...))
		}
		out, at = append(out, piece...), at+uintptr(len(piece))
	}
	return string(out)
}

// errHang says that a process did not end in time, and was killed for it.
var errHang = errors.New("did not end in time")

// run lets the process run to its end and returns how it ended. The goroutine
// must be locked to its thread, and the thread must have no other children: it
// is the one that the kernel reports to.
func (p *program) run() (unix.WaitStatus, error) {
	pid, err := syscall.ForkExec(p.argv[0], p.argv, &syscall.ProcAttr{
		Dir:   p.dir,
		Env:   p.env,
		Files: []uintptr{0, p.out.Fd(), p.err.Fd()},
		Sys:   &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", p.argv[0], err)
	}
	var ended, late bool
	var mu sync.Mutex
	clock := time.AfterFunc(p.wait, func() {
		mu.Lock()
		defer mu.Unlock()
		if late = !ended; late {
			unix.Kill(pid, unix.SIGKILL)
		}
	})
	defer clock.Stop()
	status, err := p.trace(pid)
	mu.Lock()
	defer mu.Unlock()
	ended = true
	switch {
	case err != nil:
		return status, fmt.Errorf("trace %s: %w", p.argv[0], err)
	case late:
		return status, errHang
	}
	return status, nil
}

func (p *program) trace(pid int) (unix.WaitStatus, error) {
	var status unix.WaitStatus
	if _, err := wait(pid, &status); err != nil {
		return status, err
	}
	const options = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACESYSGOOD |
		unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK
	err := unix.PtraceSetOptions(pid, options)
	if err == nil {
		err = filter(pid)
	}
	if err == nil {
		err = unix.PtraceCont(pid, 0)
	}
	if err != nil {
		unix.Kill(pid, unix.SIGKILL)
		for status.Stopped() {
			if _, err := wait(pid, &status); err != nil {
				break
			}
		}
		return status, err
	}
	t := &tracer{program: p, pid: pid, seen: map[int]bool{pid: true}, returns: map[int]syscall.Errno{}}
	for {
		tid, err := wait(-1, &status)
		if err != nil {
			return status, err
		}
		if !status.Stopped() {
			if tid == pid {
				return status, nil
			}
			continue // one thread of several
		}
		// A thread that a kill has ended meanwhile is none to talk to.
		if err := t.stopped(tid, status); err != nil && !errors.Is(err, unix.ESRCH) {
			unix.Kill(pid, unix.SIGKILL)
			return status, err
		}
	}
}

// tracer is what is known about a process that is being traced.
type tracer struct {
	*program
	pid   int
	seen  map[int]bool // threads that have begun
	quiet bool         // ask is not to be called any more

	// returns are what calls under way are to return, by thread; 0 for a process
	// that is to be killed then.
	returns map[int]syscall.Errno
}

// stopped deals with a thread that has stopped, and lets it go on.
func (t *tracer) stopped(tid int, status unix.WaitStatus) error {
	signal := status.StopSignal()
	first := !t.seen[tid]
	t.seen[tid] = true
	switch {
	case signal == unix.SIGTRAP && status.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
		return t.about(tid)
	case signal == unix.SIGTRAP|0x80:
		return t.returned(tid)
	case signal == unix.SIGTRAP && status.TrapCause() > 0, first && signal == unix.SIGSTOP:
		return unix.PtraceCont(tid, 0) // a thread that begins
	}
	return unix.PtraceCont(tid, int(signal))
}

// about deals with a thread that is about to make a call.
func (t *tracer) about(tid int) error {
	if t.quiet {
		return unix.PtraceCont(tid, 0)
	}
	c := &call{pid: t.pid, tid: tid}
	if err := unix.PtraceGetRegs(tid, &c.regs); err != nil {
		return err
	}
	what, errno := t.ask(c)
	t.quiet = what != goOn
	switch what {
	case killBefore:
		return unix.Kill(t.pid, unix.SIGKILL)
	case killAfter, refuseLate:
		t.returns[tid] = errno
		return unix.PtraceSyscall(tid, 0)
	case refuse:
		c.regs.Orig_rax = ^uint64(0) // no call
		c.regs.Rax = uint64(-int64(errno))
		if err := unix.PtraceSetRegs(tid, &c.regs); err != nil {
			return err
		}
	}
	return unix.PtraceCont(tid, 0)
}

// returned deals with a thread whose call has been made.
func (t *tracer) returned(tid int) error {
	errno, ours := t.returns[tid]
	delete(t.returns, tid)
	switch {
	case !ours:
	case errno == 0:
		return unix.Kill(t.pid, unix.SIGKILL)
	default:
		var regs unix.PtraceRegs
		if err := unix.PtraceGetRegs(tid, &regs); err != nil {
			return err
		}
		regs.Rax = uint64(-int64(errno))
		if err := unix.PtraceSetRegs(tid, &regs); err != nil {
			return err
		}
	}
	return unix.PtraceCont(tid, 0)
}

// wait waits for a child of this thread.
func wait(pid int, status *unix.WaitStatus) (int, error) {
	for {
		tid, err := unix.Wait4(pid, status, unix.WALL|unix.WNOTHREAD, nil)
		if err != unix.EINTR {
			return tid, err
		}
	}
}

// filter makes a process that has just begun stop at file-system calls, and at
// no others: see seccomp(2). Only a process itself can ask for that, so it is
// made to, before its first instruction.
func filter(pid int) error {
	code := filterCode()
	var saved unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &saved); err != nil {
		return err
	}
	instruction := make([]byte, 8)
	if _, err := unix.PtracePeekText(pid, uintptr(saved.Rip), instruction); err != nil {
		return err
	}
	if _, err := unix.PtracePokeText(pid, uintptr(saved.Rip), []byte{0x0f, 0x05}); err != nil { // syscall
		return err
	}
	invoke := func(number, a, b, c uint64) error {
		regs := saved
		regs.Rax, regs.Orig_rax = number, ^uint64(0)
		regs.Rdi, regs.Rsi, regs.Rdx, regs.R10, regs.R8 = a, b, c, 0, 0
		if err := unix.PtraceSetRegs(pid, &regs); err != nil {
			return err
		}
		if err := unix.PtraceSingleStep(pid); err != nil {
			return err
		}
		var status unix.WaitStatus
		if _, err := wait(pid, &status); err != nil {
			return err
		}
		if !status.Stopped() || status.StopSignal() != unix.SIGTRAP {
			return fmt.Errorf("stopped with %#x", status)
		}
		if err := unix.PtraceGetRegs(pid, &regs); err != nil {
			return err
		}
		if errno := -int64(regs.Rax); errno > 0 && errno < 4096 {
			return syscall.Errno(errno)
		}
		return nil
	}
	// The stack is the one place that can be written to.
	at := saved.Rsp - 8<<10
	program := binary.LittleEndian.AppendUint64(nil, uint64(len(code)))
	program = binary.LittleEndian.AppendUint64(program, at+16)
	for _, i := range code {
		program = append(program, unsafe.Slice((*byte)(unsafe.Pointer(&i)), unsafe.Sizeof(i))...)
	}
	if _, err := unix.PtracePokeData(pid, uintptr(at), program); err != nil {
		return err
	}
	if err := invoke(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	if err := invoke(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, at); err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	if _, err := unix.PtracePokeText(pid, uintptr(saved.Rip), instruction); err != nil {
		return err
	}
	return unix.PtraceSetRegs(pid, &saved)
}
