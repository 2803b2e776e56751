package scripts_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.starlark.net/starlark"
)

var askRestic = flag.Bool("restic", false, "ask restic anew what it keeps, which takes minutes, and write it to testdata/restic.json")

// A comparison says what restic keeps of one list of times under many rules.
type comparison struct {
	Restic string   `json:"restic"` // its version
	Times  []string `json:"times"`  // on a clock in Berlin
	Cases  []struct {
		Ladder string            `json:"ladder"` // arguments of ladder
		Forget string            `json:"forget"` // flags of restic forget
		Keep   map[string]string `json:"keep"`   // times, each with restic's reasons
	} `json:"cases"`
}

// What restic keeps, ladder keeps for the same reasons. It also keeps the
// oldest while a rung is not full, as restic has done since 0.16.
func TestLadderLikeRestic(t *testing.T) {
	const file = "testdata/restic.json"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c comparison
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	if *askRestic {
		c.ask(t)
		if data, err = json.MarshalIndent(c, "", "\t"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(data, '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var snapshots []starlark.Value
	for _, text := range c.Times {
		snapshots = append(snapshots, made(text))
	}
	for _, test := range c.Cases {
		got, err := decide(noon.AddDate(0, 0, 1), test.Ladder, snapshots...)
		if err != nil {
			t.Fatal(err)
		}
		kept := map[string]bool{}
		for _, line := range got.keep {
			at, reasons := line[:len(c.Times[0])], inResticsWords(line[len(c.Times[0])+2:])
			if reasons == "" {
				continue // only as the oldest
			}
			kept[at] = true
			if want := test.Keep[at]; reasons != want {
				t.Errorf("%s: %s is kept for %q; restic says %q", test.Ladder, at, reasons, want)
			}
		}
		for at, reasons := range test.Keep {
			if !kept[at] {
				t.Errorf("%s: %s is not kept; restic says %q", test.Ladder, at, reasons)
			}
		}
	}
}

var spelled = regexp.MustCompile(` (\d+) ([a-z])[a-z]*`)

func inResticsWords(reasons string) string {
	var words []string
	for _, reason := range strings.Split(reasons, "; ") {
		switch kind, _, _ := strings.Cut(reason, " "); kind {
		case "newest", "oldest,":
		case "within":
			words = append(words, "within "+spelled.ReplaceAllString(strings.TrimPrefix(reason, "within"), "$1$2"))
		default:
			words = append(words, kind+" snapshot")
		}
	}
	return strings.Join(words, "; ")
}

// ask fills in what the installed restic keeps.
func (c *comparison) ask(t *testing.T) {
	if _, err := exec.LookPath("restic"); err != nil {
		t.Skip("restic is not installed")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("hello\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	repository := filepath.Join(t.TempDir(), "repository")
	restic := func(args ...string) []byte {
		cmd := exec.Command("restic", append([]string{"--repo", repository, "--no-cache"}, args...)...)
		cmd.Env = append(os.Environ(), "TZ="+berlin.String(), "RESTIC_PASSWORD=x")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("restic %q: %v\n%s", args, err, stderr.Bytes())
		}
		return out
	}
	c.Restic = strings.Fields(string(restic("version")))[1]
	restic("init")
	for _, at := range c.Times {
		restic("backup", "--time", at, file)
	}
	for i := range c.Cases {
		var groups []struct {
			Reasons []struct {
				Snapshot struct{ Time string }
				Matches  []string
			}
		}
		test := &c.Cases[i]
		out := restic(append([]string{"forget", "--dry-run", "--json"}, strings.Fields(test.Forget)...)...)
		if err := json.Unmarshal(out, &groups); err != nil {
			t.Fatalf("restic forget %s: %v\n%s", test.Forget, err, out)
		}
		test.Keep = map[string]string{}
		for _, kept := range groups[0].Reasons {
			at := strings.Replace(kept.Snapshot.Time, "T", " ", 1)[:len(c.Times[0])]
			test.Keep[at] = strings.Join(kept.Matches, "; ")
		}
	}
}
