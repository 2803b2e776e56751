package store

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"phlb/engine/handle"
)

// identityName is the file in the folder of ours that tells which root this is.
const identityName = "root"

// Identity tells a backup root from every other one. It is made with the root,
// and stays with it wherever the root is mounted or copied.
type Identity struct {
	ID   string    `json:"id"`   // random
	Made time.Time `json:"made"` // when the root, or its identity, was made
}

// Identity returns which root this is. The error is [fs.ErrNotExist] for a
// folder in which no root was made, and for a root of a version of phlb that knew
// no identities.
func (r *Root) Identity() (id Identity, err error) {
	in, err := r.dir.Open(internal)
	if err != nil {
		return id, fmt.Errorf("backup root %s: %w", r.Path, err)
	}
	defer in.Close()
	return r.readIdentity(in)
}

func (r *Root) readIdentity(in *Dir) (id Identity, err error) {
	f, err := in.Read(identityName)
	if errors.Is(err, handle.ErrNotRegular) {
		return id, fmt.Errorf("backup root %s: %s/%s is not what names a root: %w: move it away", r.Path, internal, identityName, err)
	}
	if err != nil {
		return id, fmt.Errorf("backup root %s: %w", r.Path, err)
	}
	defer f.Close()
	const most = 4 << 10
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return id, fmt.Errorf("backup root %s: %s/%s: %w", r.Path, internal, identityName, err)
	}
	err = json.Unmarshal(text, &id)
	if err == nil && id.ID == "" {
		err = errors.New("holds no id")
	}
	if err != nil {
		return id, fmt.Errorf("backup root %s: %s/%s is not what names a root: %w: move it away", r.Path, internal, identityName, err)
	}
	return id, nil
}

// Identify returns which root this is, and gives it an identity if it has none.
func (r *Root) Identify(now time.Time) (id Identity, err error) {
	in, err := r.ours()
	if err != nil {
		return id, fmt.Errorf("backup root %s: %w", r.Path, err)
	}
	defer in.Close()
	if id, err = r.readIdentity(in); !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	made := Identity{ID: strings.ToLower(rand.Text()), Made: now.UTC().Truncate(time.Second)}
	text, err := json.Marshal(made)
	if err == nil {
		err = r.writeOnce(in, identityName, append(text, '\n'))
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return id, fmt.Errorf("backup root %s: %w", r.Path, err)
	}
	return r.readIdentity(in) // where two make the root at once, one of them comes first
}

// writeOnce makes a small file in one step. The error is [fs.ErrExist] where
// there is one.
func (r *Root) writeOnce(in *Dir, name string, text []byte) error {
	made, err := r.openWorkshop()
	if err != nil {
		return err
	}
	temp := tempFile(name + "-")
	f, err := made.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer made.Remove(temp)
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync() // else a power loss could leave an empty file under the final name
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = in.Link(made, temp, name)
	}
	if err == nil {
		err = in.Sync() // else a power loss could take the name back
	}
	return err
}
