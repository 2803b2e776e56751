package mod

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/mod/semver"

	"phlb/engine/config"
)

// maxPack is how much git may fetch for one commit, compressed.
const maxPack = 4 * maxBytes

// gitEnvironment are the variables of git that decide how it reaches a server. All
// others, such as GIT_DIR within a hook, would lead it elsewhere.
var gitEnvironment = []string{
	"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_CONFIG_GLOBAL", "GIT_EXEC_PATH",
}

// git runs git on a bare repository, on none if dir is "". What the user has configured holds, since it
// says who they are; what the system or a repository configures does not lead to
// hooks or other transports.
func (c *Cache) git(ctx context.Context, dir, source string, stdin io.Reader, args ...string) ([]byte, error) {
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
	if u, err := url.Parse(source); err == nil && (u.Scheme == "http" || u.Scheme == "git") && config.Loopback(u.Hostname()) {
		protocols = append(protocols, u.Scheme)
		settings = append(settings, "-c", "http.followRedirects=false") // which might lead elsewhere
	}
	for _, protocol := range protocols {
		settings = append(settings, "-c", "protocol."+protocol+".allow=always")
	}
	cmd := exec.CommandContext(ctx, path, append(settings, args...)...)
	if dir == "" {
		dir = os.DevNull // nor the one that the working directory may lie in
	}
	cmd.Env = slices.DeleteFunc(slices.Clone(c.Environ), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "GIT_") && !slices.Contains(gitEnvironment, name) || name == "LC_ALL" || name == "LANGUAGE"
	})
	cmd.Env = append(cmd.Env, "GIT_DIR="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_PROTOCOL_FROM_USER=0", "GIT_LFS_SKIP_SMUDGE=1",
		"GIT_ALLOW_PROTOCOL="+strings.Join(protocols, ":"), "LC_ALL=C")
	cmd.Stdin = stdin
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err = start(cmd, 2*c.fetchLimit()); err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &gitError{said(stderr.String()), err}
	}
	return stdout.Bytes(), nil
}

// gitError is what git said, without what it might tell of credentials.
type gitError struct {
	said string
	err  error
}

func (e *gitError) Error() string {
	if e.said == "" {
		return "git: " + e.err.Error()
	}
	return "git: " + e.said
}

func (e *gitError) Unwrap() error { return e.err }

var credentialsIn = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/@\s]*@`)

// said returns the last lines that git wrote, in one.
func said(text string) string {
	var lines []string
	for line := range strings.Lines(credentialsIn.ReplaceAllString(text, "$1")) {
		line = strings.TrimSpace(line)
		if line = strings.TrimPrefix(line, "fatal: "); line != "" && !strings.HasPrefix(line, "hint:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-4):], "; ")
}

// fetchGit gets one commit of a repository, which is that of a tag or the commit
// that is asked for, and returns its files and its id. What is there already is
// not fetched again.
func (c *Cache) fetchGit(ctx context.Context, m config.Module) (files, string, error) {
	if m.Commit != "" {
		if f, err := c.commit(ctx, c.repository(m.Git, m.Commit), m.Git, m.Commit); err == nil {
			return f, m.Commit, nil
		}
	}
	tmp, err := c.aside("git")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(tmp) // is nothing any more after success
	if _, err := c.git(ctx, tmp, "", nil, "init", "--quiet", "--bare", "--template=", tmp); err != nil {
		return nil, "", err
	}
	wanted, what := m.Commit, "commit "+m.Commit
	if wanted == "" {
		wanted, what = "refs/tags/"+m.Version, "tag "+m.Version
	}
	if err := c.fetchLimited(ctx, tmp, m.Git, wanted+":refs/phlb/fetched"); err != nil {
		if git := (*gitError)(nil); errors.As(err, &git) && (strings.Contains(git.said, "couldn't find remote ref") || strings.Contains(git.said, "not our ref")) {
			return nil, "", fmt.Errorf("there is no %s in %s", what, m.Git)
		}
		return nil, "", err
	}
	out, err := c.git(ctx, tmp, "", nil, "rev-parse", "--verify", "--end-of-options", "refs/phlb/fetched^{commit}")
	commit := strings.TrimSpace(string(out))
	if err != nil || !commitID.MatchString(commit) {
		return nil, "", fmt.Errorf("the %s in %s is no commit", what, m.Git)
	}
	if m.Commit != "" && commit != m.Commit {
		return nil, "", fmt.Errorf("%s gives commit %s for %s", m.Git, commit, m.Commit)
	}
	f, err := c.commit(ctx, tmp, m.Git, commit)
	if err != nil {
		return nil, "", err
	}
	// It is only kept to save another fetch.
	os.Rename(tmp, c.repository(m.Git, commit))
	return f, commit, nil
}

// repository is where a commit is kept.
func (c *Cache) repository(source, commit string) string {
	return filepath.Join(c.Dir, "git", hashOf([]byte(source)).digits()[:16]+"-"+commit)
}

func (c *Cache) fetchLimit() int64 { return cmp.Or(c.fetched, maxPack) }

// fetchLimited fetches one commit, and ends git where that gets too large.
func (c *Cache) fetchLimited(ctx context.Context, dir, source, refspec string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tooLarge := func() error {
		if sizeOf(filepath.Join(dir, "objects")) <= c.fetchLimit() {
			return nil
		}
		return fmt.Errorf("the repository holds more than %s at that commit, which is too much for a module", humanize.IBytes(uint64(c.fetchLimit())))
	}
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := tooLarge(); err != nil {
				cancel(err)
				return
			}
		}
	}()
	_, err := c.git(ctx, dir, source, nil, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
		"--no-auto-gc", "--", source, refspec)
	if err == nil {
		err = tooLarge() // git was quicker than the look at it
	}
	return err
}

func sizeOf(dir string) (total int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // git is at work there
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}

// commit returns the files of a commit as git stores them: nothing is converted,
// left out or filled in as attributes say.
func (c *Cache) commit(ctx context.Context, dir, source, commit string) (files, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	tree, err := c.git(ctx, dir, source, nil, "ls-tree", "-r", "-z", "-l", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	g := gather()
	type object struct {
		id, name string
		size     int64
		link     bool
	}
	var objects []object
	var ask bytes.Buffer
	for line := range strings.SplitSeq(string(tree), "\x00") {
		if line == "" {
			continue // behind the last one
		}
		head, name, _ := strings.Cut(line, "\t")
		fields := strings.Fields(head)
		if len(fields) != 4 {
			return nil, fmt.Errorf("git ls-tree writes %q", line)
		}
		mode, id := fields[0], fields[2]
		if left(name) {
			continue
		}
		if mode == "160000" {
			return nil, fmt.Errorf("%s is a submodule, which is not fetched: declare it as a module", name)
		}
		size, err := strconv.ParseInt(fields[3], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("git ls-tree writes %q", line)
		}
		link := mode == "120000"
		if err := g.check(name, size); err != nil {
			return nil, err
		}
		objects = append(objects, object{id, name, size, link})
		ask.WriteString(id + "\n")
	}
	out, err := c.git(ctx, dir, source, &ask, "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(bytes.NewReader(out))
	for _, o := range objects {
		head, err := r.ReadString('\n')
		if err != nil || head != fmt.Sprintf("%s blob %d\n", o.id, o.size) {
			return nil, fmt.Errorf("git cat-file writes %q for %s", head, o.name)
		}
		data := make([]byte, o.size)
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, err
		}
		r.Discard(1) // the end of the line
		if o.link {
			g.links[o.name] = string(data)
		} else {
			g.files[o.name] = data
		}
	}
	return g.finish()
}

// gitVersions lists the tags of a repository that are versions.
func (c *Cache) gitVersions(ctx context.Context, source string) (found []string, err error) {
	out, err := c.git(ctx, "", source, nil, "ls-remote", "--refs", "--tags", "--", source)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(out)) {
		_, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok && config.CheckVersion(tag) == nil {
			found = append(found, tag)
		}
	}
	return found, nil
}

// newest returns the highest of the versions of a major version, the one that
// there is if none is higher. One before a release counts only beside one.
func newest(versions []string, now string) string {
	best := now
	for _, v := range versions {
		s := config.Semver(v)
		if semver.Major(s) != semver.Major(config.Semver(now)) || semver.Prerelease(s) != "" && semver.Prerelease(config.Semver(now)) == "" {
			continue
		}
		if semver.Compare(s, config.Semver(best)) > 0 {
			best = v
		}
	}
	return best
}
