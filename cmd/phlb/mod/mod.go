// Package mod keeps the modules that a phlb.toml declares: it fetches them, pins
// them in phlb.lock, keeps them in a cache or in vendor/, and hands them to the
// runtime.
//
// Most callers open the [Project] of a phlb.toml and either ask it for what its
// scripts may load, or have it changed:
//
//	p, err := mod.Open(folder, declared, cache)
//	modules := p.Modules()                  // reads files, and nothing else
//	err = p.Get(ctx)                        // may fetch
//
// # What is fetched
//
// Only Get, Add, Update and Publish of a Project use a network, never Modules. Git
// is the installed program git, which gets one commit and neither hooks nor
// submodules nor LFS, over https, ssh or a file; http and git:// lead to the
// machine itself alone, for which plain HTTP to a registry is possible as well. A
// registry holds an artifact of the type [ArtifactType], with one layer of the type
// [LayerType], a compressed tar file of regular files.
//
// # What a module is
//
// A module is its regular files: their names and bytes, whatever brought them.
// What lies in .git, and in vendor at the top, is none of it. A symbolic link to
// a file of the module counts as that file, and every other one is an error. Names
// are such that every platform can hold them, and differ in more than case.
//
// # The hash
//
// The hash of a module is the SHA-256 of the listing that sha256sum makes of its
// files in the order of their names, byte by byte. In a folder of a cache or of
// vendor/ this makes it:
//
//	find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum
//
// It is what Go modules call h1, written in hexadecimal digits. The listing lies
// beside each copy, so that a file that differs can be named, and sha256sum -c can
// check it. Every file is held against it whenever it is read.
//
// # Which version
//
// Of all versions of one module that are wished for, by the phlb.toml and by
// modules, the highest is taken, as Go does. Those of different major versions, or
// another one beside a commit, are a conflict.
//
// What the package does not promise: that the author of a module means well. The
// lock proves that what runs is what was fetched when it was made, and no more.
package mod

import (
	"errors"

	"phlb/engine/config"
)

// LockName is the name of the file that pins modules, beside phlb.toml.
const LockName = "phlb.lock"

// VendorName is the folder beside phlb.toml whose copies win over the cache.
const VendorName = "vendor"

// The limits of one module, and of all together.
const (
	maxFiles   = 10_000
	maxBytes   = 64 << 20
	maxPath    = 512 // bytes
	maxModules = 200
)

// ErrMissing is wrapped by errors about what has to be fetched first.
var ErrMissing = errors.New("phlb mod get fetches it")

// ErrUnknown is that of errors about modules that nobody has declared.
var ErrUnknown = errors.New("no module")

// A Source is what a command line says about a module: where it is, and perhaps
// which file of it.
type Source struct {
	config.Module
	File string // in the module; "" for none
}
