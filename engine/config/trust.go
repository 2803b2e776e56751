package config

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A phlb.toml that is found beside a script, or above the working directory, may
// have come with that script. So it says where backups go and what is left out,
// but what scripts are permitted counts from the user's own file alone, or once
// the user has said that the file is to be trusted: as it was then.

// Permissive are the keys that count in a trusted file alone, beside what it
// grants to modules.
var Permissive = []string{"allow_run", "allow_net", "allow_env", "limits.steps", "limits.time", "limits.memory"}

// own reports whether a file is the user's own, in the folder of their
// configuration, or the one that whoever keeps the machine has put into that of
// the system.
func (s *Sources) own(path string) bool {
	return s.OfSystem(path) || path != "" && path == inFolder(s.UserConfigDir)
}

// OfSystem reports whether a file is the one for all users of the machine.
func (s *Sources) OfSystem(path string) bool {
	return path != "" && path == inFolder(s.SystemConfigDir)
}

// OfOthers reports whether somebody else than the user and root has a say in what
// a file holds, or in a folder: who owns it, or may write to it. It reports nothing
// where files have no owner that would tell.
func OfOthers(path string, info fs.FileInfo) bool { return ofOthers(path, info) || othersWrite(info) }

// revoke takes back what a file permits that is not trusted, or was so before it
// changed.
func (s *Sources) revoke(c *Config, before bool) {
	why := " does not count here: phlb trust " + filepath.Dir(c.Path) + " makes it count, as the file is now, or move it to your own " + FileName
	if before {
		why = " does not count any more: the file has changed since phlb trust, which phlb mod add, update and remove do, too; look at it, and phlb trust " +
			filepath.Dir(c.Path) + " makes it count, as it is now"
	}
	granted := slices.Sorted(maps.Keys(c.Allow))
	for i, name := range granted {
		granted[i] = allowTable + "." + name
	}
	for _, key := range slices.Concat(Permissive, granted) {
		origin, ok := c.origins[key]
		if !ok {
			continue
		}
		delete(c.origins, key)
		if s.PassedOver != nil {
			s.PassedOver(&Error{Origin: origin, Key: key, Reason: key + why})
		}
	}
	c.AllowRun, c.AllowNet, c.AllowEnv, c.Limits = []string{}, []string{}, []string{}, Limits{}
	c.Allow, c.Revoked = nil, c.Allow
}

// Trust remembers in the folder state that the configuration file at path is to
// be trusted with what it holds now, and returns the settings that this is about.
func Trust(state, path, home string) ([]Setting, error) {
	if state == "" {
		return nil, errors.New("there is no folder to remember it in: set HOME or XDG_STATE_HOME")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s := Sources{Dir: filepath.Dir(path)}
	var passed error
	s.PassedOver = func(e *Error) { passed = e }
	data, err := s.read(path, ofOthers)
	if err == nil && passed != nil {
		err = passed
	}
	if err == nil && data == nil {
		err = fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	cfg, err := parse(path, data, home)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(trustFile(state), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintln(file, trustLine(path, data))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	all := cfg.Settings()
	return slices.DeleteFunc(all, func(s Setting) bool {
		return !slices.Contains(Permissive, s.Key) && !strings.HasPrefix(s.Key, allowTable+".") || s.Origin == "default"
	}), nil
}

func trustFile(state string) string { return filepath.Join(state, "trusted") }

// trustLine is what is remembered: the path and the content as one digest, and
// the path for who reads the file.
func trustLine(path string, data []byte) string {
	sum := sha256.Sum256(append([]byte(path+"\x00"), data...))
	return hex.EncodeToString(sum[:]) + "  " + strings.ReplaceAll(path, "\n", "?")
}

// trusted reports whether Trust was called for a file with that content, and
// whether it was called for that file at all.
func trusted(state, path string, data []byte) (now, before bool) {
	if state == "" || path == "" {
		return false, false
	}
	file, err := os.OpenFile(trustFile(state), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false, false
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || ofOthers(file.Name(), info) || othersWrite(info) {
		return false, false
	}
	want := trustLine(path, data)
	_, name, _ := strings.Cut(want, "  ")
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		_, of, _ := strings.Cut(lines.Text(), "  ")
		now, before = now || lines.Text() == want, before || of == name
	}
	return now, before
}
