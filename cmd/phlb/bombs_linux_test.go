package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// bounded returns phlb in dir, with a few GiB of addresses at most, so that the
// machine is safe from what a test finds. It is killed when all hope is gone.
func bounded(t *testing.T, dir string, args ...string) *exec.Cmd {
	return limited(t, 10<<30, dir, args...)
}

// limited is bounded by so many bytes of addresses.
func limited(t *testing.T, addresses int64, dir string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	limit := fmt.Sprintf("ulimit -v %d", addresses>>10) // 4 GiB of these are set aside for small numbers, and never touched
	if raced() {
		limit = "true" // the race detector takes all addresses
	}
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", limit + `; exec phlb "$@"`, "sh"}, args...)...)
	cmd.Dir, cmd.Env = dir, environ(dir)
	return cmd
}

// raced reports whether the race detector is at work.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// ends runs phlb, and complains unless it ends with a status and a message, and
// without what Go says when it ends a process.
func ends(t *testing.T, cmd *exec.Cmd, code int, message string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	shown := string(out[:min(len(out), 2000)])
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("status %d, want %d: %s", got, code, shown)
	}
	if !regexp.MustCompile("(?m)" + message).Match(out) {
		t.Errorf("no %s in: %s", message, shown)
	}
	if crash := regexp.MustCompile(`goroutine \d|fatal error|panic`).Find(out); crash != nil {
		t.Errorf("%s in: %s", crash, shown)
	}
}

// A script that asks for more than there is ends with its line, whatever it asks for.
func TestBombs(t *testing.T) {
	const (
		stuck  = `(; it was seen here last, in a step that nothing can stop)?$`
		steps  = `the script takes too many steps: stopped after 100000; --limit-steps allows more$`
		slow   = `the script computes for too long: stopped after 300ms; --limit-time allows more` + stuck
		large  = `the script needs too much memory: stopped at 200 MiB; --limit-memory allows more` + stuck
		either = `(` + slow + `|the script needs too much memory.*)`
		stack  = `the script needs too much memory: values lie too deep in each other` + stuck
		deep   = `more than 1000 levels lie in each other$`
		many   = `[\d,]+ elements are too many at once$`
	)
	nest := func(n int) string { return fmt.Sprintf("x = ()\nfor _ in range(%d):\n    x = (x,)\n", n) }
	shared := "x = [1]\nfor _ in range(60):\n    x = [x, x]\n"
	inMain := func(src string) string {
		return "def main():\n    " + strings.ReplaceAll(src, "\n", "\n    ") + "return x\n"
	}
	closures := "def make(f):\n    return lambda x: f\nf = make(0)\nfor _ in range(3000000):\n    f = make(f)\n"
	for _, tt := range []struct {
		name, src string
		args      string // which limits
		code      int
		where     string // line and column
		want      string
	}{
		// Loops, and recursion.
		{"Loop", "while True:\n    pass\n", "steps", 1, `\d:\d+`, steps},
		{"LoopTime", "while True:\n    pass\n", "time", 1, `\d:\d+`, slow},
		{"SortKey", "def key(x):\n    for i in range(1000000):\n        pass\nx = [sorted(range(1000), key = key)]\nprint(x)\n", "steps", 1, `\d:\d+`, steps},
		{"Recursion", "def f(x):\n    return f(x)\nf(1)\n", "", 2, "2:12", "function f called recursively$"},
		{"RecursionByHand", "def f(g):\n    return g(g)\nf(f)\n", "", 2, "2:12", "function f called recursively$"},

		// Texts.
		{"Double", "s = 'x'\nfor i in range(60):\n    s = s + s\n", "memory", 1, `\d:\d+`, large},
		{"Repeat", "x = 'x' * (1 << 30)\n", "", 2, "1:9", "excessive repeat "},
		{"Format", "'%9999999999d' % 1\n", "", 2, `1:\d+`, "unknown conversion %9$"},
		{"FormatSpec", "'{:9999999999}'.format(1)\n", "", 2, `1:\d+`, "format spec features not supported"},
		{"FormatNested", "s = '%s%s'\nfor i in range(60):\n    s = s.replace('%s', '%s%s')\n", "time", 1, `\d:\d+`, either},
		{"FormatTimes", "x = 'x' * 100000000\n'%s' * 1000 % ((x,) * 1000)\n", "memory", 1, `\d:\d+`, large},
		{"Join", "','.join(['x' * 1000000] * 100000)\n", "", 2, "1:9", "join: 1.0 GiB are too much at once$"},
		{"Replace", "('x' * 1000000).replace('x', 'y' * 1000000)\n", "", 2, "1:24", "replace: 931 GiB are too much at once$"},
		{"ReplaceNothing", "('x' * 1000000).replace('', 'y' * 1000000)\n", "", 2, "1:24", "replace: 931 GiB are too much at once$"},
		{"ReplaceByGetattr", "getattr('x' * 1000000, 'replace')('x', 'y' * 1000000)\n", "", 2, "1:34", "replace: 931 GiB"},
		{"Split", "(',' * 300000000).split(',')\n", "", 2, "1:24", "split: 300,000,001 elements are too many at once$"},
		{"SplitSpace", "('x ' * 150000000).split()\n", "", 2, "1:25", "split: 150,000,000 elements"},
		{"SplitLines", "('\\n' * 300000000).splitlines()\n", "", 2, "1:30", "splitlines: 300,000,000 elements"},
		{"Elements", "list(('x' * 300000000).elems())\n", "", 2, "1:5", "list: 300,000,000 elements"},

		// Numbers.
		{"Shift", "x = 1 << (1000 * 1000 * 1000)\n", "", 2, "1:7", "shift count too large: 1000000000$"},
		{"Square", "x = 3\nfor i in range(60):\n    x = x * x\n", "time", 1, `\d:\d+`, slow},
		{"DigitsOut", "x = 3\nfor i in range(22):\n    x = x * x\nstr(x)\n", "time", 1, `\d:\d+`, slow},
		{"DigitsIn", "int('9' * 100000000)\n", "time", 1, `1:\d+`, slow},

		// Lists.
		{"Range", "list(range(10000000000))\n", "", 2, "1:5", "list: 10,000,000,000 elements are too many at once$"},
		{"Sorted", "sorted(range(10000000000))\n", "", 2, "1:7", "sorted: " + many},
		{"Bytes", "bytes(range(10000000000))\n", "", 2, "1:6", "bytes: " + many},
		{"Zip", "zip(*([range(100000000)] * 90))\n", "", 2, "1:4", "zip: 9,000,000,000 elements"},
		{"Enumerate", "enumerate(range(100000000))\n", "", 2, "1:10", "enumerate: " + many},
		{"RepeatList", "x = [0] * ((1 << 30) - 1)\n", "", 2, "1:9", "1,073,741,823 elements are too many at once$"},
		{"RepeatTuple", "n = 1000000000\nx = n * (0,)\n", "", 2, "2:7", "1,000,000,000 elements"},
		{"RepeatInPlace", "x = [0]\nx *= 1000000000\n", "", 2, "2:3", "1,000,000,000 elements"},
		{"Arguments", "def f(*a):\n    pass\nf(*range(10000000000))\n", "time", 1, `\d:\d+`, either},
		{"Comprehension", "x = [i for i in range(10000000000)]\n", "time", 1, `1:\d+`, either},

		// Depth of values.
		{"DecodeDeep", "json.decode('[' * 1000000)\n", "", 2, "1:12", "json.decode: " + deep},
		{"EncodeDeep", nest(2000) + "json.encode(x)\n", "", 2, "4:12", "json.encode: " + deep},
		{"IndentDeep", "json.indent('[' * 1000000)\n", "", 2, "1:12", "json.indent: .*max depth$"},
		{"PrintDeep", nest(2000) + "print(x)\n", "", 2, "4:6", "print: " + deep},
		{"PrintPart", nest(2000) + "y = (1, x)\nprint([y, y[:1]])\n", "", 2, "5:6", "print: " + deep},
		{"PrintChains", "x = []\nall = [x]\nfor _ in range(3):\n    for _ in range(900):\n        x = [x]\n    all.insert(0, x)\nprint(all)\n", "", 2, "7:6", "print: " + deep},
		{"CompareDeep", nest(2000) + "y = x\n" + nest(2000) + "x == y\n", "", 2, "8:3", "comparison exceeded maximum recursion depth$"},
		{"FreezeDeep", nest(2000) + "def main():\n    pass\n", "", 2, "4:5", "global x: " + deep},
		{"ReturnDeep", inMain(nest(2000)), "", 2, "1:5", "what main returns: " + deep},
		{"ReturnShared", inMain(shared), "", 2, "1:5", "what main returns: more than " + many},
		{"EncodeShared", shared + "json.encode(x)\n", "time", 1, `\d:\d+`, either},
		{"PrintShared", shared + "print(x)\n", "time", 1, `\d:\d+`, either},
		{"HashShared", strings.NewReplacer("[", "(", "]", ")", "1", "1,").Replace(shared) + "{x: 1}\n", "time", 1, `\d:\d+`, slow},
		{"HashDeep", nest(3000000) + "{x: 1}\n", "stack", 1, `\d:\d+`, stack},
		{"FreezeClosures", closures + "def main():\n    pass\n", "stack", 1, `\d:\d+`, stack},

		// Sources.
		{"Sum", "x = 1\nx = " + strings.Repeat("1+", 1000000) + "1\n", "", 2, "2:2004", "too deep: " + deep},
		{"Brackets", "x = " + strings.Repeat("[", 1000000) + strings.Repeat("]", 1000000) + "\n", "", 2, "1:1004", "too deep: " + deep},
		{"Parentheses", "x = " + strings.Repeat("(", 1000000) + "1" + strings.Repeat(")", 1000000) + "\n", "", 2, "1:1004", "too deep: " + deep},
		{"Blocks", func() (src string) {
			for i := range 1500 {
				src += strings.Repeat(" ", i) + "if 1:\n"
			}
			return src + strings.Repeat(" ", 1500) + "pass\n"
		}(), "", 2, `\d+:\d+`, "excessive nesting$"},
		{"Number", "x = " + strings.Repeat("9", 3<<20) + "\n", "", 2, "1:4", "a number may have 100,000 digits, and this one has 3,145,728$"},
		{"Undefined", strings.Repeat("abc\n", 200000), "", 2, "1:1", "undefined: abc"},
		{"Lines", "x = 1\n" + strings.Repeat("x = x + 1\n", 400000), "time", 1, `\d+:\d+`, either},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if raced() && (len(tt.src) > 100000 || tt.args == "stack" || strings.Contains(tt.src, "00000000)")) {
				t.Skip("too slow for the race detector")
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "bomb.star"), []byte(tt.src), 0o666); err != nil {
				t.Fatal(err)
			}
			args := []string{"exec", "bomb.star", "--limit-memory"}
			switch tt.args {
			case "memory":
				args = append(args, "200MiB")
			case "stack":
				args = append(args, "4GiB")
			case "time":
				args = append(args, "2GiB", "--limit-time", "300ms")
			case "steps":
				args = append(args, "2GiB", "--limit-steps", "100000")
			default:
				args = append(args, "2GiB")
			}
			ends(t, bounded(t, dir, args...), tt.code, `^phlb: bomb\.star:`+tt.where+`: `+tt.want)
		})
	}
}

// A question has half of the memory that there is, without a word of its user.
func TestDefaultLimitOfQuestions(t *testing.T) {
	if raced() {
		t.Skip("the race detector takes all addresses")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o777); err != nil {
		t.Fatal(err)
	}
	ends(t, bounded(t, dir, "backup", "src"), 0, "0 files")
	const too = `^phlb: (query: )?the question needs too much memory: stopped at [\d.]+ [MG]iB; --limit-memory allows more$`
	wide := "SELECT " + strings.Repeat("printf('%.*c', 16000000, 'x'), ", 1000) + "1"
	ends(t, limited(t, 7<<30, dir, "query", wide), 1, too)
	script := filepath.Join(dir, "wide.star")
	if err := os.WriteFile(script, []byte(fmt.Sprintf("def main():\n    return query(%q)\n", wide)), 0o666); err != nil {
		t.Fatal(err)
	}
	ends(t, limited(t, 7<<30, dir, "exec", script), 1, strings.ReplaceAll(too, "^phlb: ", "^phlb: .*"))
}

// What a script may compute without a word of its user: all of it by itself, with half
// of the memory, and what strangers may, where it comes from elsewhere.
func TestDefaultLimits(t *testing.T) {
	const grow = "def main():\n    x = []\n    while True:\n        x.append('%d' % len(x) * 1000)\n"
	const fill = "def main():\n    x = '%d' % 1 * (1 << 29)\n    print(len(x))\n"
	steps := func(n int) string {
		return fmt.Sprintf("for _ in range(%d):\n    pass\ndef main(colour = 1):\n    pass\n", n)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"grow.star": grow, "fill.star": fill, "few.star": steps(10), "many.star": steps(100000), "more.star": steps(1000000),
		"loop.star": "while True:\n    pass\ndef main(colour = 1):\n    pass\n", "step.star": "int('9' * 100000000)\ndef main(colour = 1):\n    pass\n",
		"far/lib.star": strings.Replace(grow, "main", "grow", 1), "own/load.star": "load('../far/lib.star', 'grow')\ndef main():\n    grow()\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	const memory = `the script needs too much memory: stopped at 256 MiB`
	ends(t, bounded(t, dir, "exec", "--sandbox", "grow.star"), 1, `^phlb: grow\.star:\d:\d+: `+memory+`; --limit-memory allows more`)
	ends(t, bounded(t, dir, "exec", "own/load.star"), 1, `^phlb: far/lib\.star:\d:\d+: `+memory+` in a file outside of its folder; --limit-memory allows more`)
	ends(t, bounded(t, dir, "exec", "fill.star"), 0, `^536870912$`)
	ends(t, bounded(t, dir, "exec", "more.star", "--limit-steps", "1000000"), 1, `stopped after 1000000; `)

	// While somebody types, a script has a million steps and a second.
	for name, code := range map[string]string{"few.star": "--colour", "many.star": "--colour", "more.star": "", "loop.star": "", "step.star": ""} {
		out, err := bounded(t, dir, "__complete", "exec", name, "--col").CombinedOutput()
		if crash := regexp.MustCompile(`goroutine \d|fatal error|panic`).Find(out); crash != nil || code != "" && err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if strings.Contains(string(out), "--colour") != (code != "") {
			t.Errorf("%s is completed to %q, want %q", name, out, code)
		}
	}
}
