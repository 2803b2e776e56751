package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"golang.org/x/crypto/bcrypt"
)

// SetPassword puts a user and the hash of a password into a file of them, in the
// place of the one that the user had.
func SetPassword(path, user, password string) error {
	switch {
	case user == "" || strings.ContainsAny(user, ":\r\n"):
		return fmt.Errorf("%q is no name of a user: it must be there, and hold no colon", user)
	case len(password) < 8:
		return errors.New("the password is too short: use 8 characters, or more")
	case len(password) > 72:
		return errors.New("the password is too long: bcrypt takes 72 bytes")
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, user+":") {
			b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	fmt.Fprintf(&b, "%s:%s\n", user, hash)
	return maybe.WriteFile(path, []byte(b.String()), 0o600)
}
