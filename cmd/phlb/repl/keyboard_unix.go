//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package repl

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// keyboard is the terminal that somebody types at.
type keyboard struct {
	fd     int
	before unix.Termios // what it was set to
}

func openKeyboard(f *os.File) (*keyboard, error) {
	k := &keyboard{fd: int(f.Fd())}
	settings, err := unix.IoctlGetTermios(k.fd, getTermios)
	if err != nil {
		return nil, fmt.Errorf("read the settings of the terminal: %w", err)
	}
	k.before = *settings
	return k, nil
}

// hold lets the terminal keep what is typed until it is read, unseen and key by
// key: it would edit lines of its own otherwise, throw away what is too long
// for it, and take Ctrl-D. Ctrl-C still interrupts, and takes with it what was
// typed before.
func (k *keyboard) hold() error {
	settings := k.before
	settings.Lflag &^= unix.ICANON | unix.ECHO | unix.ECHONL | unix.IEXTEN
	settings.Lflag |= unix.ISIG
	settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(k.fd, setTermios, &settings); err != nil {
		return fmt.Errorf("set up the terminal: %w", err)
	}
	return nil
}

// restore sets the terminal to what it was.
func (k *keyboard) restore() { unix.IoctlSetTermios(k.fd, setTermios, &k.before) }

// typed reads what has been typed so far, and does not wait for more.
func (k *keyboard) typed() (keys []byte) {
	buf := make([]byte, 4096)
	for {
		ready := []unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(ready, 0); n != 1 || err != nil || ready[0].Revents&unix.POLLIN == 0 {
			return keys
		}
		n, err := unix.Read(k.fd, buf)
		if n <= 0 || err != nil {
			return keys
		}
		keys = append(keys, buf[:n]...)
	}
}
