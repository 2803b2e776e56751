package fault

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	long   = flag.Bool("long", false, "every call, killed before and after it, and failed with every error")
	strict = flag.Bool("strict", false, "faults that are known fail the test too")
	onlyAt = flag.String("point", "", "this point alone, as a finding names it")
	onlyBy = flag.String("fault", "", "this way of going wrong alone: kill, kill-after, or an error such as EIO")
	where  = flag.String("dir", "/dev/shm", "folder to play in, on the file system that is meant")
	name   = flag.Bool("list", false, "name the faults with -v, and play none")
	keep   = flag.Bool("keep", false, "leave the stages of findings, and say where")
)

// command is the phlb that is tested.
var command string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "phlb-fault-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		command = filepath.Join(dir, "phlb")
		build := exec.Command("go", "build", "-o", command, "phlb/cmd/phlb")
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // a C library would make calls of its own
		if out, err := build.CombinedOutput(); err != nil {
			command = ""
			fmt.Fprintf(os.Stderr, "build phlb: %v\n%s", err, out)
		}
		return m.Run()
	}())
}

// watch looks at all that phlb is built of: go test answers from its cache
// unless something that a test has looked at is another. What TestMain looks at
// before the tests run does not count.
func watch(module string) error {
	return filepath.WalkDir(module, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != module && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case !d.IsDir() && !strings.HasSuffix(path, "_test.go"):
			_, err = os.Stat(path)
		}
		return err
	})
}

// TestFault plays every scenario again and again, with one thing that goes wrong
// at one call each time.
func TestFault(t *testing.T) {
	if err := watch("../.."); err != nil {
		t.Log(err)
	}
	if command == "" {
		t.Skip("needs the go tool and the source")
	}
	home := t.TempDir()
	if dir, err := os.MkdirTemp(*where, "phlb-fault-"); err == nil { // in memory, to sync costs nothing
		home = dir
		t.Cleanup(func() {
			if !*keep {
				os.RemoveAll(home)
			}
		})
	}
	unseen := newTally(known)
	slots := make(chan struct{}, runtime.NumCPU()+2) // some wait for what does not end
	t.Run("scenario", func(t *testing.T) {
		for _, s := range scenarios {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				perform(t, s, filepath.Join(home, s.name), slots, unseen)
			})
		}
	})
	if *onlyAt == "" && *onlyBy == "" && !*name {
		unseen.report(t)
	}
}

// A finding is what went wrong at a point.
type finding struct {
	scenario string
	point    point
	way      way
	wrong    string
}

func (f finding) String() string {
	return fmt.Sprintf("%s: %v: %v: %s", f.scenario, f.point, f.way, f.wrong)
}

// perform prepares a scenario and plays it.
func perform(t *testing.T, s scenario, dir string, slots chan struct{}, unseen *tally) {
	slots <- struct{}{}
	p, points := rehearse(t, s, dir)
	<-slots
	type turn struct {
		point point
		way   way
	}
	var turns []turn
	var classes []string
	for _, at := range points {
		if !*long && *onlyAt == "" && slices.Contains(classes, at.class) || *onlyAt != "" && *onlyAt != at.String() {
			continue
		}
		classes = append(classes, at.class)
		for _, w := range at.ways(*long || *onlyBy != "") {
			if *onlyBy == "" || *onlyBy == w.String() {
				turns = append(turns, turn{at, w})
			}
		}
	}
	if *name {
		for _, turn := range turns {
			t.Logf("%v: %v", turn.point, turn.way)
		}
		return
	}
	next := make(chan turn)
	var all sync.WaitGroup
	var mu sync.Mutex
	var missed []string
	for range cap(slots) {
		all.Go(func() {
			// For good: what the thread traces is the thread's own.
			runtime.LockOSThread()
			for turn := range next {
				slots <- struct{}{}
				found, text, reached, err := p.play(turn.point, turn.way)
				<-slots
				mu.Lock()
				if err != nil {
					t.Errorf("%v: %v: %v", turn.point, turn.way, err)
				}
				if !reached {
					missed = append(missed, turn.point.String())
				}
				report(t, found, text, unseen)
				mu.Unlock()
			}
		})
	}
	for _, turn := range turns {
		next <- turn
	}
	close(next)
	all.Wait()
	t.Logf("%d calls, %d classes of them, %d faults, of which %d were not reached %q", len(points), len(classes), len(turns), len(missed), missed)
}

// report tells what was found, and logs what is known.
func report(t *testing.T, found []finding, text string, unseen *tally) {
	var fresh []string
	for _, f := range found {
		if why, ok := unseen.find(f.String()); ok && !*strict {
			t.Logf("known: %v (%s)", f, why)
		} else {
			fresh = append(fresh, f.wrong)
		}
	}
	if len(fresh) > 0 {
		f := found[0]
		t.Errorf("%s: %v: %v\n\t%s\n%s\tgo test ./engine/fault -run 'TestFault/scenario/%s$' -args -point '%v' -fault %v",
			f.scenario, f.point, f.way, strings.Join(fresh, "\n\t"), text, f.scenario, f.point, f.way)
	}
}

// rehearse prepares a scenario, plays it once with nothing that goes wrong, and
// returns the points there are.
func rehearse(t *testing.T, s scenario, dir string) (*play, []point) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := &play{scenario: s, ready: &stage{dir: filepath.Join(dir, "ready"), source: filepath.Join(dir, "source"), labels: &labels{}}}
	must(t, os.MkdirAll(p.ready.source, 0o755))
	must(t, p.ready.open())
	s.prepare(t, p.ready)
	// No other snapshot is to get the name of one of these once it is gone.
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	var err error
	p.original, err = list(p.ready.source)
	must(t, err)
	p.ready.labels.stamps = p.stamps()
	p.ready.labels.kinds = map[string]string{}
	for path, n := range p.original {
		kind, _, _ := strings.Cut(n.what, " ")
		if n.attrs != "" {
			kind += " with attributes"
		}
		p.ready.labels.kinds[path] = kind
	}
	p.before, err = p.ready.sealed()
	must(t, err)
	for name, tree := range p.before {
		if p.ready.labels.text(name) == "docs/C" {
			for _, path := range []string{"sub/rot", "sub/twin"} {
				if tree[path].what != p.original[path].what {
					p.bad = append(p.bad, filepath.Join(name, path))
				}
			}
		}
	}

	c, err := p.enter("golden")
	must(t, err)
	n := &counter{labels: c.labels, seen: map[string]int{}}
	var points []point
	r, err := c.traced(s.command, func(c *call) (verdict, unix.Errno) {
		if at, ok := n.point(c); ok {
			points = append(points, at)
		}
		return goOn, 0
	})
	must(t, err)
	if r.code != s.code {
		t.Fatalf("phlb %s: exit code %d\n%s%s", s.command, r.code, r.stdout, r.stderr)
	}
	p.told = r.stdout
	p.lines = strings.Count(r.stderr, "\n")
	now, err := c.sealed()
	must(t, err)
	p.goal = sealed{}
	for name, tree := range now {
		p.goal[c.labels.text(name)] = tree
	}
	if strings.HasPrefix(s.command, "restore") {
		p.restored, err = list(c.in("to"))
		must(t, err)
	}
	c.check(r, nil)
	p.names, err = c.stage.names()
	must(t, err)
	for _, wrong := range c.wrong {
		t.Errorf("with nothing that goes wrong: %s", wrong)
	}
	must(t, os.RemoveAll(c.dir))
	if len(c.wrong) > 0 {
		t.FailNow()
	}
	return p, points
}

// check checks all, after the command.
func (c *checker) check(r result, w *way) {
	now, err := c.sealed()
	if err != nil {
		c.errorf("%v", err)
		return
	}
	c.judge(r, w, now)
	c.intact("then", now)
	c.openable()
	c.noted(r)
	c.goesOn()
	c.cut = false
	if now, err = c.sealed(); err != nil {
		c.errorf("%v", err)
		return
	}
	c.intact("after the next run", now)
	c.unchanged()
}

// stamps names the snapshots that a scenario begins with.
func (p *play) stamps() map[string]string {
	found, _ := filepath.Glob(p.ready.in("root", "docs", "*.sha256.gz"))
	for i, path := range found {
		found[i] = strings.TrimSuffix(filepath.Base(path), ".sha256.gz")
	}
	slices.Sort(found)
	out := map[string]string{"2020-01-02-030405": "OLD"}
	for i, stamp := range found {
		out[stamp] = string(rune('A' + i))
	}
	return out
}

// enter returns a checker on a stage that is as the one that was prepared.
func (p *play) enter(name string) (*checker, error) {
	dir := filepath.Join(filepath.Dir(p.ready.dir), name)
	s := &stage{dir: dir, source: p.ready.source, labels: &labels{stamps: p.ready.labels.stamps, kinds: p.ready.labels.kinds}}
	for _, folder := range []string{"root", "to", "tmp", "home"} {
		s.labels.places = append(s.labels.places, [2]string{s.in(folder), folder})
	}
	s.labels.places = append(s.labels.places, [2]string{s.source, "source"})
	return &checker{play: p, stage: s}, copyTree(p.ready.dir, dir)
}

// play plays a scenario with one thing that goes wrong. It returns what was
// found, what the command said, and whether it came to the point.
func (p *play) play(at point, w way) (found []finding, text string, reached bool, err error) {
	c, err := p.enter(fmt.Sprint("stage-", stages.Add(1)))
	defer func() {
		if !*keep || len(found) == 0 {
			os.RemoveAll(c.dir)
		}
	}()
	if err != nil {
		return nil, "", false, err
	}
	n := &counter{labels: c.labels, seen: map[string]int{}}
	r, err := c.traced(p.command, func(call *call) (verdict, unix.Errno) {
		if now, ok := n.point(call); ok && now.call == at.call && now.nth == at.nth {
			reached = true
			return w.verdict, w.errno
		}
		return goOn, 0
	})
	if err != nil {
		return nil, "", reached, err
	}
	c.cut = reached && w.deadly()
	c.undressed = reached && !w.deadly() && at.kind.dresses()
	if reached {
		c.check(r, &w)
	} else {
		c.check(r, nil)
	}
	c.clean()
	for _, wrong := range c.wrong {
		found = append(found, finding{p.name, at, w, wrong})
	}
	text = fmt.Sprintf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	if *keep {
		text += c.dir + "\n"
	}
	return found, "\t" + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n\t") + "\n", reached, nil
}

// stages counts them.
var stages atomic.Int64
