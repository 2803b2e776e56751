//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package repl

import (
	"os"

	"golang.org/x/term"
)

// keyboard is the terminal that somebody types at. It keeps what is typed by
// itself.
type keyboard struct {
	fd     int
	before *term.State
}

func openKeyboard(f *os.File) (*keyboard, error) {
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	return &keyboard{fd, before}, err
}

func (k *keyboard) hold() error   { return nil }
func (k *keyboard) restore()      { term.Restore(k.fd, k.before) }
func (k *keyboard) typed() []byte { return nil }
