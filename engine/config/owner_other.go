//go:build !unix && !windows

package config

import "io/fs"

// ofOthers reports nothing: files have no owner here that would tell.
func ofOthers(string, fs.FileInfo) bool { return false }

// othersWrite reports nothing: modes tell nothing here.
func othersWrite(fs.FileInfo) bool { return false }
