package fault

import (
	"flag"
	"fmt"
	"hash/crc32"
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
	only   = flag.String("scenario", "", "this scenario alone")
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
	if underRace {
		t.Skip("races are not looked for in the phlb that is run: run the tests of this package without -race")
	}
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
	slots := make(chan struct{}, runtime.NumCPU()+2) // some wait for what does not end
	var plays []*play
	for _, s := range scenarios {
		if *only == "" || *only == s.name {
			plays = append(plays, &play{scenario: s, home: filepath.Join(home, s.name), slots: slots})
		}
	}
	t.Run("rehearse", func(t *testing.T) {
		for _, p := range plays {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				p.rehearse(t)
			})
		}
	})
	if t.Failed() {
		return
	}
	choose(plays)
	t.Run("play", func(t *testing.T) {
		for _, p := range plays {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				p.perform(t)
			})
		}
	})
}

// A turn is a way of going wrong at a point.
type turn struct {
	point point
	way   way
}

// choose says which turns are played: all that the flags ask for, and in the short
// form one point of each kin, of the scenario that the name of the kin says, so that
// each has its share.
func choose(plays []*play) {
	first := map[string][]string{}
	in := map[string][]*play{}
	for _, p := range plays {
		for _, at := range p.points {
			if kin := at.kin(p.verb); !slices.Contains(in[kin], p) {
				first[kin], in[kin] = append(first[kin], at.String()), append(in[kin], p)
			}
		}
	}
	chosen := func(p *play, at point) bool {
		if *long || *onlyAt != "" {
			return *onlyAt == "" || *onlyAt == at.String()
		}
		kin := at.kin(p.verb)
		n := crc32.ChecksumIEEE([]byte(kin)) % uint32(len(in[kin]))
		return in[kin][n] == p && first[kin][n] == at.String()
	}
	for _, p := range plays {
		for _, at := range p.points {
			if !chosen(p, at) {
				continue
			}
			for _, w := range at.ways(*long || *onlyBy != "") {
				if *onlyBy == "" || *onlyBy == w.String() {
					p.turns = append(p.turns, turn{at, w})
				}
			}
		}
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

// perform plays the turns of a scenario.
func (p *play) perform(t *testing.T) {
	if *name {
		for _, turn := range p.turns {
			t.Logf("%v: %v", turn.point, turn.way)
		}
		return
	}
	next := make(chan turn)
	var all sync.WaitGroup
	var mu sync.Mutex
	var missed []string
	for range cap(p.slots) {
		all.Go(func() {
			// For good: what the thread traces is the thread's own.
			runtime.LockOSThread()
			for turn := range next {
				p.slots <- struct{}{}
				found, text, reached, err := p.play(turn.point, turn.way)
				<-p.slots
				mu.Lock()
				if err != nil {
					t.Errorf("%v: %v: %v", turn.point, turn.way, err)
				}
				if !reached {
					missed = append(missed, turn.point.String())
				}
				report(t, found, text)
				mu.Unlock()
			}
		})
	}
	for _, turn := range p.turns {
		next <- turn
	}
	close(next)
	all.Wait()
	t.Logf("%d calls, %d faults, of which %d were not reached %q", len(p.points), len(p.turns), len(missed), missed)
}

// report tells what was found at one turn.
func report(t *testing.T, found []finding, text string) {
	if len(found) == 0 {
		return
	}
	var wrong []string
	for _, f := range found {
		wrong = append(wrong, f.wrong)
	}
	f := found[0]
	t.Errorf("%s: %v: %v\n\t%s\n%s\tgo test ./engine/fault -run TestFault -args -scenario %s -point '%v' -fault %v",
		f.scenario, f.point, f.way, strings.Join(wrong, "\n\t"), text, f.scenario, f.point, f.way)
}

// rehearse prepares a scenario, plays it once with nothing that goes wrong, and
// notes the points there are.
func (p *play) rehearse(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p.ready = &stage{dir: filepath.Join(p.home, "ready"), source: filepath.Join(p.home, "source"), labels: &labels{}}
	must(t, os.MkdirAll(p.ready.source, 0o755))
	must(t, p.ready.open())
	must(t, os.WriteFile(filepath.Join(p.home, "question.star"), []byte(question), 0o600))
	p.prepare(t, p.ready)
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
	r, err := c.traced(p.command, func(c *call) (verdict, unix.Errno) {
		if at, ok := n.point(c); ok {
			p.points = append(p.points, at)
		}
		return goOn, 0
	})
	must(t, err)
	if r.code != p.code {
		t.Fatalf("phlb %s: exit code %d\n%s%s", p.command, r.code, r.stdout, r.stderr)
	}
	p.told = r.stdout
	p.lines = strings.Count(r.stderr, "\n")
	now, err := c.sealed()
	must(t, err)
	p.goal = sealed{}
	for name, tree := range now {
		p.goal[c.labels.text(name)] = tree
	}
	if strings.HasPrefix(p.command, "restore") {
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
	c.openable(r)
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
	dir := filepath.Join(p.home, name)
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
