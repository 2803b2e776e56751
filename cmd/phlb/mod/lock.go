package mod

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"phlb/engine/config"
	"phlb/engine/publish"
)

// A Pin is what phlb.lock says of one module: what was fetched, to the byte.
type Pin struct {
	Git     string `toml:"git,omitempty" json:"git,omitempty"`
	OCI     string `toml:"oci,omitempty" json:"oci,omitempty"`
	Path    string `toml:"path,omitempty" json:"path,omitempty"` // as seen from the folder of phlb.toml, with slashes
	Version string `toml:"version,omitempty" json:"version,omitempty"`
	// Declared is the version that phlb.toml asks for, where a module needs a higher
	// one.
	Declared string `toml:"declared,omitempty" json:"declared,omitempty"`
	Commit   string `toml:"commit,omitempty" json:"commit,omitempty"` // of git
	Digest   string `toml:"digest,omitempty" json:"digest,omitempty"` // of the manifest in a registry
	Hash     Hash   `toml:"hash" json:"hash"`
}

// source is [config.Module.Source] of what is pinned.
func (p Pin) source() string { return config.Module{Git: p.Git, OCI: p.OCI, Path: p.Path}.Source() }

// Origin tells people where a module comes from.
func (p Pin) Origin() string {
	switch {
	case p.Version != "":
		return p.source() + " " + p.Version
	case p.Commit != "":
		return p.source() + " " + p.Commit[:min(12, len(p.Commit))]
	}
	return p.source()
}

// lock is what phlb.lock says, by the names of modules. One that a module needs is
// called after it, "acme.util"; one that no phlb.toml declares after its source.
type lock map[string]Pin

const lockHead = `# What phlb mod has fetched for the phlb.toml beside this file, to the byte. Keep it
# with phlb.toml; phlb mod get, add, update and remove change it.

`

var (
	ociDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	commitID  = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

// readLock reads the lock in a folder, which is empty where there is none.
func readLock(dir string) (lock, error) {
	path := filepath.Join(dir, LockName)
	data, err := config.ReadBeside(path)
	if errors.Is(err, fs.ErrNotExist) {
		return lock{}, nil
	}
	if err != nil {
		return nil, err
	}
	const todo = "take back what was changed there, or delete it and call phlb mod get"
	if err := config.CheckKeys(data); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", path, err, todo)
	}
	var file struct {
		Modules lock `toml:"modules"`
	}
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		line, what := "", strings.TrimPrefix(err.Error(), "toml: ")
		if missing := (*toml.StrictMissingError)(nil); errors.As(err, &missing) {
			what = "unknown key " + strings.Join(missing.Errors[0].Key(), ".")
			n, _ := missing.Errors[0].Position()
			line = fmt.Sprintf(":%d", n)
		} else if decode := (*toml.DecodeError)(nil); errors.As(err, &decode) {
			n, _ := decode.Position()
			line = fmt.Sprintf(":%d", n)
		}
		return nil, fmt.Errorf("%s%s: %s: %s", path, line, what, todo)
	}
	for _, name := range slices.Sorted(maps.Keys(file.Modules)) {
		if err := file.Modules[name].check(name); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, name, err)
		}
	}
	if file.Modules == nil {
		file.Modules = lock{}
	}
	return file.Modules, nil
}

// check refuses what no lock says that phlb has written.
func (p Pin) check(name string) error {
	m := config.Module{Git: p.Git, OCI: p.OCI, Path: p.Path, Version: p.Version, Commit: p.Commit}
	if p.Version != "" {
		m.Commit = ""
	}
	if err := m.Check(); err != nil {
		return err
	}
	if !strings.Contains(name, ":") {
		for part := range strings.SplitSeq(name, ".") {
			if err := config.CheckModuleName(part); err != nil {
				return err
			}
		}
	}
	switch {
	case p.Hash.digits() == "":
		return fmt.Errorf("hash = %q is no hash, which is sha256: and 64 digits", string(p.Hash))
	case p.Git != "" && !commitID.MatchString(p.Commit):
		return fmt.Errorf("commit = %q is no commit", p.Commit)
	case p.OCI != "" && !ociDigest.MatchString(p.Digest):
		return fmt.Errorf("digest = %q is no digest of a manifest", p.Digest)
	}
	return nil
}

// write puts the lock into a folder, whole or not at all.
func (l lock) write(dir string) error {
	text, err := toml.Marshal(map[string]lock{"modules": l})
	if err != nil {
		return fmt.Errorf("write %s: %w", LockName, err)
	}
	path := filepath.Join(dir, LockName)
	text = append([]byte(lockHead), bytes.ReplaceAll(text, []byte("[modules]\n"), nil)...)
	if err := config.CheckKeys(text); err != nil {
		return fmt.Errorf("write %s: %w: %d modules are too many", LockName, err, len(l))
	}
	if before, err := config.ReadRegular(path, config.MaxFile); err == nil && bytes.Equal(before, text) {
		return nil
	}
	if target, err := os.Readlink(path); err == nil {
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		path = target // a link stays one, so that several phlb.toml may share a lock
	}
	return publish.WriteFile(path, text, 0o644)
}
