package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// gitServers are the requests to the git servers of scenarios, by their folders.
var gitServers sync.Map

// gitserver serves the repositories of the scenario over HTTP as git does, and sets
// GIT_SERVER to where.
func gitserver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: gitserver")
	}
	core, err := exec.Command("git", "--exec-path").Output()
	ts.Check(err)
	root := ts.MkAbs(".")
	requests := new(atomic.Int64)
	gitServers.Store(root, requests)
	h := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"), Stderr: new(bytes.Buffer),
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h.ServeHTTP(w, r)
	}))
	ts.Defer(server.Close)
	ts.Setenv("GIT_SERVER", server.URL)
}

// requests N: so many requests have come to the git server since this was asked
// last; "some" is one or more.
func requests(ts *testscript.TestScript, neg bool, args []string) {
	counter, ok := gitServers.Load(ts.MkAbs("."))
	if neg || len(args) != 1 || !ok {
		ts.Fatalf("usage: requests N, after gitserver and in its folder")
	}
	got := counter.(*atomic.Int64).Swap(0)
	if args[0] == "some" && got > 0 {
		return
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != int64(want) {
		ts.Fatalf("%d requests, want %s", got, args[0])
	}
}

// registry starts Debian's docker-registry and sets REGISTRY to its address.
func registry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: registry")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	address := listener.Addr().String()
	listener.Close()
	settings := "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: " + ts.MkAbs("registry") + "\nhttp:\n  addr: " + address + "\n"
	ts.Check(os.WriteFile(ts.MkAbs("registry.yml"), []byte(settings), 0o666))
	cmd := exec.Command("docker-registry", "serve", ts.MkAbs("registry.yml"))
	ts.Check(cmd.Start())
	ts.Defer(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 15000 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			ts.Setenv("REGISTRY", address)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("docker-registry does not listen")
}
