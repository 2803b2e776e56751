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
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/mod/semver"

	"phlb/cmd/phlb/mod/git"
	"phlb/engine/config"
)

// maxPack is how much git may fetch for one commit, compressed.
const maxPack = 4 * maxBytes

// git runs git on a bare repository, on none if dir is "".
func (c *Cache) git(ctx context.Context, dir, source string, stdin io.Reader, args ...string) ([]byte, error) {
	run := git.Command{Environ: c.Environ, Dir: dir, Source: source, Stdin: stdin, MaxFile: 2 * c.fetchLimit()}
	return run.Run(ctx, args...)
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
		if failed, ok := errors.AsType[*git.Error](err); ok && (strings.Contains(failed.Said, "couldn't find remote ref") || strings.Contains(failed.Said, "not our ref")) {
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
