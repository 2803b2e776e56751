package door

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// firstPassed is the descriptor of the first socket that systemd hands over, see
// sd_listen_fds(3).
const firstPassed = 3

// Listen listens at HOST:PORT, at unix:PATH, or with "systemd" at the socket that the
// process was started with. It reports whether nobody can come in from another
// machine, and whether the socket itself keeps out who is not wanted.
func Listen(address string) (l net.Listener, local, trusted bool, err error) {
	switch path, isPath := strings.CutPrefix(address, "unix:"); {
	case address == "systemd":
		l, err = passed()
	case isPath:
		l, err = listenUnix(path)
	default:
		l, err = net.Listen("tcp", address)
	}
	if err != nil {
		return nil, false, false, fmt.Errorf("listen at %s: %w", address, err)
	}
	if _, ok := l.Addr().(*net.UnixAddr); ok {
		return l, true, true, nil
	}
	at, err := netip.ParseAddrPort(l.Addr().String())
	return l, err == nil && at.Addr().Unmap().IsLoopback(), false, nil
}

// listenUnix makes a socket for its owner and group. One that a killed server has
// left is replaced, one that somebody answers at is not.
func listenUnix(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, errors.New("something else lies there")
		}
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return nil, errors.New("somebody listens there")
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func passed() (net.Listener, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) || os.Getenv("LISTEN_FDS") != "1" {
		return nil, errors.New("the process was not started for one socket: see systemd.socket(5)")
	}
	file := os.NewFile(firstPassed, "socket of systemd")
	defer file.Close()
	return net.FileListener(file)
}
