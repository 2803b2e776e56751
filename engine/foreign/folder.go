package foreign

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"regexp"
	"strings"
	"sync"

	"phlb/engine/content"
	"phlb/engine/manifest"
	"phlb/engine/walk"
)

const (
	sumsName  = "SHA256SUMS"
	runConfig = "phlb_config.ini" // of sidecars, in the root of a snapshot
)

// sidecarAlgorithms are those that sidecars can be told to use, the default
// first, and the sizes of their digests.
var sidecarAlgorithms = []struct {
	name string
	size int
}{{"sha512", 64}, {"sha256", 32}, {"sha384", 48}, {"sha1", 20}, {"md5", 16}}

// Folder is what a tool has left in one folder of a snapshot. A nil one
// holds nothing of any tool. Its methods may be called from several goroutines.
type Folder struct {
	tool Tool
	*walk.Folder

	once sync.Once
	sums map[string]content.Stated // of sums
}

// In returns what the tool has left in a folder.
func (tool Tool) In(f *walk.Folder) *Folder {
	if tool == "" {
		return nil
	}
	return &Folder{tool: tool, Folder: f}
}

// Digest returns what the tool says of the file called name.
func (f *Folder) Digest(name string) content.Stated {
	switch {
	case f == nil:
		return content.Stated{}
	case f.tool == sums:
		return f.load()[name]
	}
	said, _ := f.beside(name)
	return said
}

// beside returns the digest that lies beside the file called name, and whether
// the file is to have one: that is empty until the file is copied.
func (f *Folder) beside(name string) (said content.Stated, planned bool) {
	for _, a := range sidecarAlgorithms {
		sum, empty := f.sidecar(name+"."+a.name, a.size)
		if sum != nil {
			return content.Stated{Algorithm: a.name, Sum: sum}, true
		}
		planned = planned || empty
	}
	return content.Stated{}, planned
}

// Owns reports whether the regular file called name is the tool's own, not the
// user's, and lists files of which it holds a digest and that are gone.
func (f *Folder) Owns(name string) (own bool, lost []string) {
	switch {
	case f == nil:
	case f.tool == sums && name == sumsName:
		for listed := range f.load() {
			if f.hasFile(listed) {
				own = true
			} else {
				lost = append(lost, listed)
			}
		}
	case f.tool == sidecars && f.Path == "." && name == runConfig:
		text, _ := f.read(name, 1<<10)
		own = isRunConfig(text)
	case f.tool == sidecars:
		for _, a := range sidecarAlgorithms {
			of, ok := strings.CutSuffix(name, "."+a.name)
			if !ok || of == "" {
				continue
			}
			sum, empty := f.sidecar(name, a.size)
			if sum == nil && !empty {
				continue
			}
			if _, users := f.beside(name); users { // only what is the user's has one
				continue
			}
			if f.hasFile(of) {
				own = true
			} else if sum != nil {
				lost = append(lost, of)
			}
		}
	}
	return own, lost
}

func (f *Folder) hasFile(name string) bool {
	e, err := f.Dir.Lstat(name)
	return err == nil && e.Kind == manifest.File
}

// sidecar reads the file called name. Its sum is nil where that holds anything
// but a digest of that size.
func (f *Folder) sidecar(name string, size int) (sum []byte, empty bool) {
	text, ok := f.read(name, int64(2*size+2))
	sum, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(sum) != size {
		sum = nil
	}
	return sum, ok && len(text) == 0
}

// read returns the first bytes of a regular file, one more than most where
// there are more.
func (f *Folder) read(name string, most int64) ([]byte, bool) {
	file, err := f.Dir.File(name)
	if err != nil {
		return nil, false
	}
	defer file.Close()
	if e, err := file.Stat(); err != nil || e.Kind != manifest.File {
		return nil, false
	}
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	return text, err == nil
}

var runSection = regexp.MustCompile(`(?m)^\[BACKUP_RUN\]\s+primary_key\s*=`)

// isRunConfig reports whether text is what sidecars writes into runConfig.
func isRunConfig(text []byte) bool { return runSection.Match(text) }

// load reads the folder's SHA256SUMS.
func (f *Folder) load() map[string]content.Stated {
	f.once.Do(func() {
		file, err := f.Dir.File(sumsName)
		if err != nil {
			return
		}
		defer file.Close()
		f.sums = parseSums(file)
	})
	return f.sums
}

// parseSums reads what sums has written of a folder: a line HASH  NAME for every
// file, without any escaping. A line that is none goes on with a name that a
// newline is in.
func parseSums(r io.Reader) map[string]content.Stated {
	found := map[string]content.Stated{}
	var sum []byte
	var name string
	add := func() {
		if _, twice := found[name]; name != "" && !twice {
			found[name] = content.Stated{Algorithm: "sha256", Sum: sum}
		}
	}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		digest, of, ok := strings.Cut(line, "  ")
		next, invalid := manifest.ParseDigest(digest)
		switch {
		case ok && invalid == nil && next.Algorithm() == manifest.SHA256 && of != "" && !strings.Contains(of, "/"):
			add()
			sum, name = next.Bytes(), of
		case err == nil && name != "":
			name += "\n" + line
		}
		if err != nil {
			add()
			return found
		}
	}
}
