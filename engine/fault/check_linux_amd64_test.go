package fault

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A play is a scenario that is prepared: how its stage was before the command,
// and how it is after it, and after the next commands, where nothing goes wrong.
type play struct {
	scenario
	home  string        // in which the stages are
	slots chan struct{} // one for each process that may run
	turns []turn

	ready    *stage
	original map[string]node
	before   sealed
	points   []point
	bad      []string // paths under the root of files that are rotten

	goal     sealed
	restored map[string]node
	told     string // to stdout
	lines    int    // of stderr
	names    map[string]bool
}

// A checker collects what is wrong on a stage.
type checker struct {
	*play
	*stage
	cut       bool   // the command was killed, and none was run since
	undressed bool   // the call that failed was to give metadata to something
	also      string // a command that has taken other snapshots away
	wrong     []string
}

func (c *checker) errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(c.wrong, text) {
		c.wrong = append(c.wrong, text)
	}
}

// judge checks how the command ended, and what it left, against what README
// promises.
func (c *checker) judge(r result, w *way, now sealed) {
	for _, word := range []string{"goroutine ", "panic:", "fatal error:"} {
		if strings.Contains(r.stderr+r.stdout, word) {
			c.errorf("the message holds %q", word)
		}
	}
	if strings.Contains(r.stderr+r.stdout, "move it away") {
		c.errorf("what could not be read is to be moved away")
	}
	for _, m := range missingText.FindAllStringSubmatch(r.stdout, -1) {
		for name, tree := range c.before {
			if _, there := tree[m[1]]; there && strings.HasSuffix(c.command, c.labels.text(name)) {
				c.errorf("what is there is said to be missing")
			}
		}
	}
	spoke := strings.Count(r.stderr, "\n") > c.lines
	switch {
	case r.hung:
		c.errorf("does not end")
	case w != nil && w.deadly():
		if !r.killed {
			c.errorf("was to be killed, and ended with exit code %d", r.code)
		}
		c.compare(now, func(difference) bool { return false })
	case r.code == c.code && c.code != 3:
		c.compare(now, func(d difference) bool { return d.dress && spoke })
		for name := range c.goal {
			if !c.has(name) {
				c.errorf("exit code %d, and %s is not there", r.code, name)
			}
		}
		for _, name := range c.drops {
			if c.has(name) {
				c.errorf("exit code %d, and %s is there still", r.code, name)
			}
		}
		if c.restored != nil {
			c.compareRestored(func(d difference) bool { return d.dress && spoke })
		}
		if c.tells && r.stdout != c.told {
			c.errorf("exit code %d, and it prints %q, should print %q", r.code, r.stdout, c.told)
		}
	case r.code == 3:
		c.compare(now, func(d difference) bool { return spoke && (d.dress || d.what == "is missing") })
		if !spoke && r.stdout == "" {
			c.errorf("exit code 3 without a word")
		}
	case r.code == 1:
		if !strings.HasPrefix(r.stderr, "phlb: ") && (c.restored == nil || r.stdout == "") {
			c.errorf("exit code 1, and the message is %q", r.stderr)
		}
		if !sealedText.MatchString(r.stderr) && c.restored == nil {
			for name := range now {
				if c.before[name] == nil {
					c.errorf("exit code 1, and %s is sealed", c.labels.text(name))
				}
			}
		}
		c.compare(now, func(d difference) bool { return d.dress })
	case r.code == 4 && (c.restored != nil || strings.HasPrefix(c.command, "verify") || c.command == "add"):
		if r.stderr+r.stdout == "" {
			c.errorf("exit code 4 without a word")
		}
	default:
		c.errorf("exit code %d", r.code)
	}
}

var missingText = regexp.MustCompile(`(?m)^missing: (.*): `)

var sealedText = regexp.MustCompile(`\b(is|was) sealed`)

// has reports whether there is a snapshot that is called name.
func (c *checker) has(name string) bool {
	return slices.ContainsFunc(c.stage.snapshots(), func(real string) bool { return c.labels.text(real) == name })
}

// compare holds new snapshots against what they are where nothing goes wrong.
func (c *checker) compare(now sealed, allowed func(difference) bool) {
	for name, tree := range now {
		want := c.goal[c.labels.text(name)]
		if c.before[name] != nil || want == nil {
			continue
		}
		for _, d := range compare(want, tree, true) {
			if strings.HasPrefix(d.path, "(") && d.what != "is missing" || allowed(d) {
				continue // a manifest and a log hold times
			}
			c.errorf("new snapshot: %v", d)
		}
	}
}

// compareRestored does the same for what was restored.
func (c *checker) compareRestored(allowed func(difference) bool) {
	got, err := list(c.in("to"))
	if err != nil {
		c.errorf("restored: %v", err)
		return
	}
	for _, d := range compare(c.restored, got, true) {
		if !allowed(d) {
			c.errorf("restored: %s", c.labels.text(d.String()))
		}
	}
	want, have := groups(c.restored), groups(got)
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if first, ok := have[path]; ok && first != want[path] && !allowed(difference{dress: true}) {
			c.errorf("restored: %s is one inode with %s, should be with %s", path, first, want[path])
		}
	}
}

// groups returns for every path the first one that shares its inode.
func groups(nodes map[string]node) map[string]string {
	first, out := map[uint64]string{}, map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(nodes)) {
		if inode := nodes[path].inode; first[inode] == "" {
			first[inode] = path
		}
		out[path] = first[nodes[path].inode]
	}
	return out
}

// intact checks that what was sealed is as it was, but for what is to be taken
// away or healed.
func (c *checker) intact(when string, now sealed) {
	for name, before := range c.before {
		called := c.labels.text(name)
		tree := now[name]
		if tree == nil {
			if !slices.Contains(c.drops, called) && !slices.Contains(strings.Fields(c.also), called) {
				c.errorf("%s: %s is gone", when, called)
			}
			continue
		}
		for _, d := range compare(before, tree, true) {
			path := filepath.Join(name, d.path)
			if c.heals && slices.Contains(c.bad, path) && tree[d.path].what == c.original[d.path].what {
				continue
			}
			if c.heals && c.cut && (strings.HasPrefix(filepath.Base(d.path), ".phlb-") || d.path == "sub") {
				continue // between a rename and what puts its folder right
			}
			c.errorf("%s: %s: %v", when, called, d)
		}
	}
}

// question asks for what the catalog knows, in one process.
const question = `print(json.encode({
	"snapshots": [s.name + "/" + s.stamp for s in snapshots()],
	"damage": [row.path for row in query("SELECT path FROM damage")],
}))`

// openable checks that the catalog opens, and knows what there is, and of what is
// rotten what was known of it before or has been found by the command.
func (c *checker) openable(r result) {
	if _, err := os.Lstat(c.in("root")); err != nil && len(c.before) == 0 {
		return // a first run that came to nothing
	}
	asked := c.phlb("exec " + filepath.Join(c.home, "question.star"))
	if asked.code != 0 {
		c.errorf("then to ask the catalog ends with exit code %d: %s", asked.code, asked.stderr)
		return
	}
	var known struct{ Snapshots, Damage []string }
	if err := json.Unmarshal([]byte(asked.raw), &known); err != nil {
		c.errorf("then the catalog answers %q: %v", asked.raw, err)
		return
	}
	listed := map[string]bool{}
	for _, name := range known.Snapshots {
		listed[c.labels.text(name)] = true
	}
	for _, name := range c.stage.snapshots() {
		if name := c.labels.text(name); !listed[name] {
			c.errorf("then the catalog does not know %s", name)
		}
		delete(listed, c.labels.text(name))
	}
	for name := range listed {
		c.errorf("then the catalog knows %s, which is not there", name)
	}
	c.noted(r, known.Damage)
}

// noted checks that of what is rotten there still is one of the notes.
func (c *checker) noted(r result, notes []string) {
	found := r.stdout
	warned := strings.Count(r.stderr, "\n") > c.lines || strings.Contains(found, "could not be noted")
	for _, path := range c.bad {
		parts := strings.SplitN(filepath.ToSlash(path), "/", 3)
		n, err := look(c.in("root", path))
		if err != nil || n.what != c.before[parts[0]+"/"+parts[1]][parts[2]].what {
			continue // removed or healed
		}
		if c.finds && (warned || !strings.Contains(found, "content: "+parts[2]+":")) {
			continue // not found yet, or not written down
		}
		if !slices.Contains(notes, parts[2]) {
			c.errorf("the note of damage of %s is lost", parts[2])
		}
	}
}

// goesOn runs the next commands, and checks that they end well.
func (c *checker) goesOn() {
	again := c.again
	if again == "" {
		again = c.command
	}
	if c.instead != "" && !c.has(c.drops[0]) {
		again, c.also = c.instead, c.instead
	}
	if !strings.HasPrefix(again, "backup") {
		r := c.phlb(again)
		if r.code != 0 && r.code != c.code {
			c.errorf("the next %s ends with exit code %d: %s%s", again, r.code, r.stderr, r.stdout)
		}
	}
	if c.restored != nil {
		c.compareRestored(func(difference) bool { return false })
	}
	r := c.phlb("backup SOURCE --name docs")
	if r.code != 0 {
		c.errorf("the next backup ends with exit code %d: %s", r.code, r.stderr)
		return
	}
	newest, err := os.Readlink(c.in("root/docs/latest"))
	if err != nil {
		c.errorf("latest: %v", err)
		return
	}
	got, err := list(c.in("root/docs", newest))
	if err != nil {
		c.errorf("the newest snapshot: %v", err)
		return
	}
	for _, d := range compare(c.original, got, false) {
		if !d.dress || !c.undressed { // else the manifest has what the root has refused
			c.errorf("the next backup is not as the source: %v", d)
		}
	}
	if err := checkManifest(c.in("root/docs", newest+".sha256.gz"), got); err != nil {
		c.errorf("the next backup: manifest: %v", err)
	}
	for _, name := range c.drops {
		if c.has(name) {
			c.errorf("the next %s leaves %s", again, name)
		}
	}
}

// checkManifest holds a manifest against what is in the snapshot, as sha256sum -c
// does.
func checkManifest(path string, tree map[string]node) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	files := 0
	for line := range strings.Lines(string(data)) {
		digest, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ./")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if files++; !strings.HasSuffix(tree[name].what, " "+digest) {
			return fmt.Errorf("digest of %s is %s, and it is %s", name, digest, tree[name].what)
		}
	}
	for _, n := range tree {
		if strings.HasPrefix(n.what, "file ") {
			files--
		}
	}
	if files != 0 {
		return fmt.Errorf("%d files more than there are", files)
	}
	return nil
}

// unchanged checks that the source is.
func (c *checker) unchanged() {
	source, err := list(c.source)
	if err != nil {
		c.errorf("source: %v", err)
	}
	for _, d := range compare(c.original, source, true) {
		c.errorf("source: %v", d)
	}
}

// clean checks that nothing lies about that is not there where nothing goes
// wrong.
func (c *checker) clean() {
	names, err := c.stage.names()
	if err != nil {
		c.errorf("left behind: %v", err)
	}
	for name := range names {
		if above := filepath.Dir(name); !c.play.names[name] && (c.play.names[above] || !names[above]) {
			c.errorf("left behind: %s", name)
		}
	}
}
