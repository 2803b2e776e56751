package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"phlb/cmd/phlb/show"
	"phlb/engine/config"
)

// oldSettings is the file of settings of pyhardlinkbackup 0.12.
const oldSettings = "PyHardLinkBackup.ini"

// offeredName is the file, among what phlb remembers for the user, that lists the old
// settings which were offered: a path per line.
const offeredName = "offered"

// offerImport says, once for each file, that there are settings of pyhardlinkbackup
// which do not count, and how they are taken over. It is asked where there is no
// phlb.toml yet.
func (c *command) offerImport(sources config.Sources) {
	path := findOldSettings(sources)
	if path == "" || c.quiet {
		return
	}
	list := filepath.Join(sources.StateDir, offeredName)
	said, _ := config.ReadRegular(list, config.MaxFile)
	if slices.Contains(strings.Split(string(said), "\n"), path) {
		return
	}
	to := config.FileName
	if sources.UserConfigDir != "" {
		to = filepath.Join(sources.UserConfigDir, "phlb", config.FileName)
	}
	c.info("the settings in %s do not count here; to take them over: phlb config --import %[1]q >%[2]q", show.Printable(path), show.Printable(to))
	if c.dryRun || sources.StateDir == "" {
		return
	}
	// Where this fails, it is said again.
	if os.MkdirAll(sources.StateDir, 0o700) == nil {
		_ = os.WriteFile(list, append(said, path+"\n"...), 0o600)
	}
}

// findOldSettings looks where pyhardlinkbackup did, and next to the program: in the
// working directory and above it, and in the home folder.
func findOldSettings(sources config.Sources) string {
	var dirs []string
	for dir := filepath.Clean(sources.Dir); ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if sources.Home != "" {
		dirs = append(dirs, sources.Home)
	}
	if program, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(program))
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, oldSettings)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}
