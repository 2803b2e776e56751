package builtins

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/engine/testenv"
	"phlb/runtime"
)

// runScript runs a script in a session that is permitted what allow says, and
// returns what it has printed.
func runScript(t *testing.T, allow Permissions, dry bool, script string) (string, *Session, error) {
	t.Helper()
	cfg, err := config.Load(config.Sources{Dir: t.TempDir(), Home: t.TempDir(), Env: os.LookupEnv, BackupPath: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{
		Engine: engine.Open(cfg, engine.Environment{Now: time.Now, Log: slog.DiscardHandler, DryRun: dry}),
		Allow:  allow, Environ: []string{"GREETING=hello", "PATH=" + os.Getenv("PATH")},
	}
	var out bytes.Buffer
	h := &runtime.Host{Names: s.Names(), Now: time.Unix(1e9, 0), Print: &out}
	loaded, err := h.LoadSource(t.Context(), "test.star", []byte("def main():\n    "+strings.ReplaceAll(script, "\n", "\n    ")+"\n"))
	if err == nil {
		_, err = loaded.Run(t.Context(), nil)
	}
	return strings.TrimSpace(out.String()), s, err
}

func TestRun(t *testing.T) {
	testenv.Tool(t, "sh")
	for _, tt := range []struct{ name, script, want, fails string }{
		{"Output", `r = run(["sh", "-c", "echo out; echo err >&2; cat"], stdin = "in"); print(r.code, repr(r.stdout), repr(r.stderr))`, `0 "out\nin" "err\n"`, ""},
		{"Environment", `print(run(["sh", "-c", "echo $GREETING $NAME"], env = {"NAME": "ann"}).stdout.strip())`, "hello ann", ""},
		{"Dir", `print(run(["sh", "-c", "pwd"], dir = "/").stdout.strip())`, "/", ""},
		{"NoShell", `print(run(["sh", "-c", "echo \"$1\"", "sh", "$(id); *"]).stdout.strip())`, "$(id); *", ""},
		{"FailsAtLength", `run(["sh", "-c", "echo refused >&2; echo 'is it\x1b[2K running?' >&2; exit 3"])`, "",
			"run sh: exit status 3, and check=False returns this instead of failing; it said:\n    refused\n    \"is it\\x1b[2K running?\""},
		{"FailsInManyLines", `run(["sh", "-c", "seq 1000 >&2; exit 3"])`, "", "    30\n    … 960 lines …\n    991\n"},
		{"Fails", `run(["sh", "-c", "echo one; echo it broke >&2; exit 3"])`, "", "run sh: exit status 3: it broke; check=False"},
		{"FailsUnchecked", `print(run(["sh", "-c", "exit 3"], check = False).code)`, "3", ""},
		{"Timeout", `r = run(["sh", "-c", "sleep 60 & sleep 60"], timeout = "50ms", check = False); print(r.timed_out)`, "True", ""},
		{"TimeoutChecked", `run(["sh", "-c", "sleep 60"], timeout = "50ms")`, "", "was stopped after 50ms"},
		{"Denied", `run(["id"])`, "", `run: "id" is not permitted: put allow_run = ["id"] into phlb.toml`},
		{"DeniedByPath", `run(["/bin/sh", "-c", "id"])`, "", `"/bin/sh" is not permitted`},
		{"NotThere", `run(["no-such-program"])`, "", "run no-such-program: exec:"},
		{"Empty", `run([])`, "", "argv is empty"},
		{"BadTimeout", `run(["sh"], timeout = "soon")`, "", `"soon" is no duration`},
		{"EnvPreload", `run(["sh"], env = {"LD_PRELOAD": "x.so"})`, "", "run: env sets LD_PRELOAD, which decides what is run"},
		{"EnvPath", `run(["sh"], env = {"PATH": "/tmp"})`, "", "run: env sets PATH"},
		{"EnvGit", `run(["sh"], env = {"GIT_SSH_COMMAND": "id"})`, "", "run: env sets GIT_SSH_COMMAND"},
		{"EnvNamed", `run(["sh"], env = {"A=B": "c"})`, "", "which no variable can have"},
		{"BadEnv", `run(["sh"], env = {"A": 1})`, "", "env has"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, _, err := runScript(t, Permissions{Run: []string{"sh", "no-such-program"}}, false, tt.script)
			checkOutcome(t, out, err, tt.want, tt.fails)
		})
	}
	t.Run("Fixed", func(t *testing.T) {
		// The folder that it runs in does not change which program is meant.
		dir := t.TempDir()
		for _, name := range []string{"granted", "other"} {
			if err := os.MkdirAll(filepath.Join(dir, name, "bin"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, "bin", "tool"), []byte("#!/bin/sh\necho "+name+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		t.Chdir(filepath.Join(dir, "granted"))
		out, _, err := runScript(t, Permissions{Run: []string{"bin/tool"}}, false, `print(run(["bin/tool"], dir = "`+dir+`/other").stdout.strip())`)
		checkOutcome(t, out, err, "granted", "")
	})
	t.Run("Dry", func(t *testing.T) {
		file := t.TempDir() + "/made"
		out, s, err := runScript(t, Permissions{Run: []string{"touch"}}, true, `print(run(["touch", "`+file+`"]).code)`)
		checkOutcome(t, out, err, "0", "")
		if _, err := os.Stat(file); err == nil {
			t.Error("a dry run has run the program")
		}
		if plan := s.Plan(); len(plan) != 1 || plan[0].What != "touch "+file {
			t.Errorf("the plan is %v", plan)
		}
	})
}

// A dry run ends where a script asks what it cannot know, however it asks: it has
// no answer to tell the dry run by.
func TestUnplanned(t *testing.T) {
	testenv.Tool(t, "true")
	for _, ask := range []string{
		`run(["true"]).stdout`, `run(["true"], check = False).code`, `run(["true"], check = False).timed_out`, `getattr(run(["true"]), "stderr", "")`,
		`hasattr(run(["true"]), "stdout")`, `str(run(["true"]))`, `"%s" % run(["true"])`, `json.encode(run(["true"]))`, `{run(["true"]): 1}`,
		`run(["true"]) == run(["true"])`, `http.get("http://localhost").status`, `http.get("http://localhost").headers`,
	} {
		out, s, err := runScript(t, Permissions{Run: []string{"true"}, Net: []string{"localhost"}}, true, "x = "+ask+"\nprint('not reached', x)")
		if out != "" || !errors.Is(err, ErrUnplanned) || !strings.Contains(err.Error(), ":2:") || len(s.Plan()) == 0 {
			t.Errorf("%s: printed %q, error %v, plan %v", ask, out, err, s.Plan())
		}
	}
	out, _, err := runScript(t, Permissions{Run: []string{"true"}}, true, `r = run(["true"]); print(r.code, r.timed_out, bool(r), type(r), dir(r), getattr(r, "none", 1))`)
	checkOutcome(t, out, err, `0 False True struct ["code", "stderr", "stdout", "timed_out"] 1`, "")
}

func checkOutcome(t *testing.T, out string, err error, want, fails string) {
	t.Helper()
	switch {
	case fails == "" && err != nil:
		t.Fatal(err)
	case fails != "" && (err == nil || !strings.Contains(err.Error(), fails)):
		t.Fatalf("got error %v, want one with %q", err, fails)
	case out != want:
		t.Errorf("printed %q, want %q", out, want)
	}
}

func TestHTTP(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			// The same machine under another name, which is not permitted.
			http.Redirect(w, r, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
		case "/slow":
			<-r.Context().Done()
		default:
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Kind", r.Header.Get("Content-Type")+r.Header.Get("X-Mine"))
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, r.Method+" "+string(body))
		}
	}))
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, script, want, fails string }{
		{"Get", `r = http.get(URL + "/", headers = {"X-Mine": "yes"}); print(r.status, r.body, r.headers["X-Kind"])`, "201 GET  yes", ""},
		{"Post", `r = http.post(URL, body = "text"); print(r.body)`, "POST text", ""},
		{"PostJSON", `r = http.post(URL, json = {"a": [1, None]}); print(r.body, r.headers["X-Kind"])`, `POST {"a":[1,null]} application/json`, ""},
		{"Both", `http.post(URL, body = "x", json = 1)`, "", "exclude each other"},
		{"Redirect", `http.get(URL + "/away")`, "", `http: "localhost" is not permitted: put allow_net = ["localhost"]`},
		{"Timeout", `http.get(URL + "/slow", timeout = "50ms")`, "", "/slow"},
		{"Denied", `http.get("http://example.com/")`, "", `"example.com" is not permitted`},
		{"NoAddress", `http.get("ftp://127.0.0.1/")`, "", "is not an http or https address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, _, err := runScript(t, Permissions{Net: []string{address.Host}}, false, strings.ReplaceAll(tt.script, "URL", `"`+server.URL+`"`))
			checkOutcome(t, out, err, tt.want, tt.fails)
		})
	}
	t.Run("Dry", func(t *testing.T) {
		out, s, err := runScript(t, Permissions{Net: []string{"example.com"}}, true, `r = http.post("https://u:secret@example.com/x"); print(type(r), "body" in dir(r))`)
		checkOutcome(t, out, err, "struct True", "")
		if plan := s.Plan(); len(plan) != 1 || plan[0].What != "POST https://u:xxxxx@example.com/x" {
			t.Errorf("the plan is %v", plan)
		}
	})
}

func TestEnv(t *testing.T) {
	for _, tt := range []struct{ name, script, want, fails string }{
		{"OK", `print(env("GREETING"), env("MISSING"), env("MISSING", "none"))`, "hello None none", ""},
		{"Denied", `env("PATH")`, "", `env: "PATH" is not permitted: put allow_env = ["PATH"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, _, err := runScript(t, Permissions{Env: []string{"GREETING", "MISSING"}}, false, tt.script)
			checkOutcome(t, out, err, tt.want, tt.fails)
		})
	}
}
