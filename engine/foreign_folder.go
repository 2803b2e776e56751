package engine

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"regexp"
	"strings"
	"sync"

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

// foreignFolder is what a tool has left in one folder of a snapshot. A nil one
// holds nothing of any tool. Its methods may be called from several goroutines.
type foreignFolder struct {
	tool foreign
	*walk.Folder

	once sync.Once
	sums map[string]stated // of sums
}

// stated is a digest that a tool has recorded of a file. The zero value says
// that there is none.
type stated struct {
	algorithm string // a key of algorithms
	sum       []byte
}

// in returns what the tool has left in a folder.
func (tool foreign) in(f *walk.Folder) *foreignFolder {
	if tool == "" {
		return nil
	}
	return &foreignFolder{tool: tool, Folder: f}
}

// digest returns what the tool says of the file called name.
func (f *foreignFolder) digest(name string) stated {
	switch {
	case f == nil:
		return stated{}
	case f.tool == sums:
		return f.load()[name]
	}
	said, _ := f.beside(name)
	return said
}

// beside returns the digest that lies beside the file called name, and whether
// the file is to have one: that is empty until the file is copied.
func (f *foreignFolder) beside(name string) (said stated, planned bool) {
	for _, a := range sidecarAlgorithms {
		sum, empty := f.sidecar(name+"."+a.name, a.size)
		if sum != nil {
			return stated{a.name, sum}, true
		}
		planned = planned || empty
	}
	return stated{}, planned
}

// owns reports whether the regular file called name is the tool's own, not the
// user's, and lists files of which it holds a digest and that are gone.
func (f *foreignFolder) owns(name string) (own bool, lost []string) {
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

func (f *foreignFolder) hasFile(name string) bool {
	e, err := f.Dir.Lstat(name)
	return err == nil && e.Kind == manifest.File
}

// sidecar reads the file called name. Its sum is nil where that holds anything
// but a digest of that size.
func (f *foreignFolder) sidecar(name string, size int) (sum []byte, empty bool) {
	text, ok := f.read(name, int64(2*size+2))
	sum, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(sum) != size {
		sum = nil
	}
	return sum, ok && len(text) == 0
}

// read returns the first bytes of a regular file, one more than most where
// there are more.
func (f *foreignFolder) read(name string, most int64) ([]byte, bool) {
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
func (f *foreignFolder) load() map[string]stated {
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
func parseSums(r io.Reader) map[string]stated {
	found := map[string]stated{}
	var sum []byte
	var name string
	add := func() {
		if _, twice := found[name]; name != "" && !twice {
			found[name] = stated{"sha256", sum}
		}
	}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		digest, of, ok := strings.Cut(line, "  ")
		next, invalid := manifest.ParseDigest(digest)
		switch {
		case ok && invalid == nil && of != "" && !strings.Contains(of, "/"):
			add()
			sum, name = next[:], of
		case err == nil && name != "":
			name += "\n" + line
		}
		if err != nil {
			add()
			return found
		}
	}
}
