package door

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"

	"phlb/engine/publish"
)

// Passwords are users and the hashes of their passwords.
type Passwords map[string][]byte

// ReadPasswords reads lines of the form USER:HASH, as htpasswd -B writes them, with
// hashes of bcrypt.
func ReadPasswords(path string) (Passwords, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read passwords: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read passwords: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("read passwords: %s can be written by others than its owner: chmod go-w it", path)
	}
	p := Passwords{}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		user, hash, ok := strings.Cut(line, ":")
		if _, err := bcrypt.Cost([]byte(hash)); !ok || err != nil {
			return nil, fmt.Errorf("read passwords: line %d of %s is not USER:HASH with a hash of bcrypt, as htpasswd -B writes it", n, path)
		}
		p[user] = []byte(hash)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read passwords: %w", err)
	}
	if len(p) == 0 {
		return nil, fmt.Errorf("read passwords: %s holds none: htpasswd -B -c %s YOU makes one", path, path)
	}
	return p, nil
}

// nobody's password takes as long to be found wrong as anybody's.
var nobody = sync.OnceValue(func() []byte {
	hash, _ := bcrypt.GenerateFromPassword([]byte(Secret()), bcrypt.DefaultCost)
	return hash
})

// Match reports whether the password is the user's. It takes long, on purpose.
func (p Passwords) Match(user, password string) bool {
	hash, known := p[user]
	if !known {
		hash = nobody()
	}
	return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && known
}

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
	return publish.WriteFile(path, []byte(b.String()), 0o600)
}
