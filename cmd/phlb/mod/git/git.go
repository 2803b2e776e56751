// Package git runs the installed program git for what modules need of it, and nothing else:
// no hooks, no submodules, no LFS, no transports but https, ssh and files.
//
// What the user has configured for git holds, since it says who they are. What the system
// or a repository configures does not.
package git

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"phlb/engine/config"
)

// environment are the variables of git that decide how it reaches a server. All
// others, such as GIT_DIR within a hook, would lead it elsewhere.
var environment = []string{
	"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_CONFIG_GLOBAL", "GIT_EXEC_PATH",
}

// Command is how git is called.
type Command struct {
	Environ []string  // the environment of the caller
	Dir     string    // the bare repository; "" for none
	Source  string    // the URL that git may reach; "" for none
	Stdin   io.Reader // what git reads; nil for nothing
	MaxFile int64     // how large a file may be that git makes
}

// Run runs git with the arguments, and returns what it has written to its standard output.
// The error is an [*Error] where git has failed.
func (c *Command) Run(ctx context.Context, args ...string) ([]byte, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return nil, errors.New("git is not installed, which fetches this module: install it, or take the module from a registry or a folder")
	}
	settings := []string{
		"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "submodule.recurse=false", "-c", "fetch.recurseSubmodules=false",
		"-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "advice.graftFileDeprecated=false", "-c", "init.templateDir=",
		"-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60", "-c", "protocol.allow=never",
		"-c", "fetch.unpackLimit=1", // all that is fetched is one file
	}
	protocols := []string{"https", "ssh", "file"}
	if u, err := url.Parse(c.Source); err == nil && (u.Scheme == "http" || u.Scheme == "git") && config.Loopback(u.Hostname()) {
		protocols = append(protocols, u.Scheme)
		settings = append(settings, "-c", "http.followRedirects=false") // which might lead elsewhere
	}
	for _, protocol := range protocols {
		settings = append(settings, "-c", "protocol."+protocol+".allow=always")
	}
	path, args = limited(path, append(settings, args...), c.MaxFile)
	cmd := exec.CommandContext(ctx, path, args...)
	dir := c.Dir
	if dir == "" {
		dir = os.DevNull // nor the one that the working directory may lie in
	}
	cmd.Env = slices.DeleteFunc(slices.Clone(c.Environ), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "GIT_") && !slices.Contains(environment, name) || name == "LC_ALL" || name == "LANGUAGE"
	})
	cmd.Env = append(cmd.Env, "GIT_DIR="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_PROTOCOL_FROM_USER=0", "GIT_LFS_SKIP_SMUDGE=1",
		"GIT_ALLOW_PROTOCOL="+strings.Join(protocols, ":"), "LC_ALL=C")
	cmd.Stdin = c.Stdin
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &Error{said(stderr.String()), err}
	}
	return stdout.Bytes(), nil
}

// Error is the error of a call of git that has failed.
type Error struct {
	Said string // the last lines that git has written, without credentials
	err  error
}

// Error returns what git has said.
func (e *Error) Error() string {
	if e.Said == "" {
		return "git: " + e.err.Error()
	}
	return "git: " + e.Said
}

// Unwrap returns how git has ended.
func (e *Error) Unwrap() error { return e.err }

var credentials = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/@\s]*@`)

// Redact leaves out the credentials before the hosts of URLs.
func Redact(text string) string { return credentials.ReplaceAllString(text, "$1") }

// said returns the last lines that git wrote, in one.
func said(text string) string {
	var lines []string
	for line := range strings.Lines(Redact(text)) {
		line = strings.TrimSpace(line)
		if line = strings.TrimPrefix(line, "fatal: "); line != "" && !strings.HasPrefix(line, "hint:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-4):], "; ")
}
