package engine_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/engine/walk"
)

func TestHash(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("abc", "abc", "empty", "")
	r.must(os.Symlink("abc", r.in("link")))
	for algorithm, want := range map[string]string{ // of FIPS 180-4, FIPS 202 and RFC 1321
		"md5":      "900150983cd24fb0d6963f7d28e17f72",
		"sha1":     "a9993e364706816aba3e25717850c26c9cd0d89d",
		"sha256":   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"sha384":   "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
		"sha512":   "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
		"sha3-256": "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
		"sha3-512": "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
	} {
		for _, name := range []string{"abc", "link"} {
			digest, err := r.engine().Hash(context.Background(), r.in(name), algorithm)
			r.must(err)
			if got := hex.EncodeToString(digest); got != want {
				t.Errorf("%s of %s is %s, want %s", algorithm, name, got, want)
			}
		}
	}
	digest, err := r.engine().Hash(context.Background(), r.in("empty"), "sha1")
	r.must(err)
	if got := hex.EncodeToString(digest); got != "da39a3ee5e6b4b0d3255bfef95601890afd80709" {
		t.Errorf("sha1 of nothing is %s", got)
	}
}

func TestHashErrors(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "content")
	tests := []struct{ path, algorithm, want string }{
		{"a", "sha257", `no hash algorithm is called "sha257"; there are md5, sha1, sha256`},
		{"a", "", "there are md5"},
		{"missing", "sha256", "missing: "},
		{".", "sha256", "not a regular file"},
	}
	if r.fifo(r.in("fifo"), 0o600) {
		tests = append(tests, tests[len(tests)-1])
		tests[len(tests)-1].path = "fifo"
	}
	for _, test := range tests {
		_, err := r.engine().Hash(context.Background(), r.in(test.path), test.algorithm)
		if err == nil || !strings.Contains(err.Error(), test.want) || (test.path == "missing") != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("hash of %s by %q: %v, want %q", test.path, test.algorithm, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.engine().Hash(ctx, r.in("a"), "sha256"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestHashAll(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("b", "2", "a", "1", "dir/c", "3", "dir/skipped", "4", "empty", "")
	r.must(os.Symlink("a", r.in("link")))
	r.fifo(r.in("fifo"), 0o600)
	r.must(os.Truncate(r.in("b"), 1<<20)) // a hole, mostly
	source := engine.Source{Root: r.source, Rules: walk.Rules{Skip: []string{"skipped"}}}
	var counts engine.Counts
	for range 2 { // counted anew each time
		var paths []string
		for h, err := range r.engine().HashAll(context.Background(), source, "sha256", &counts) {
			r.must(err)
			paths = append(paths, h.Path)
			if want := digestOf(t, r.in(h.Path), manifest.SHA256); string(h.Digest) != string(want.Bytes()) {
				t.Errorf("digest of %s is %x, want %v", h.Path, h.Digest, want)
			}
		}
		if got, want := strings.Join(paths, " "), "a b empty dir/c"; got != want {
			t.Errorf("hashed %q, want %q", got, want)
		}
		if want := (engine.Counts{Files: 4, Bytes: 1<<20 + 2, Skipped: 1}); counts != want {
			t.Errorf("counted %+v, want %+v", counts, want)
		}
	}
}

func TestHashAllEnds(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for i := range 1000 {
		r.write(fmt.Sprintf("%d/%d", i%26, i/26), "content")
	}
	e := r.engine()
	source := engine.Source{Root: r.source}
	t.Run("Break", func(t *testing.T) {
		for _, err := range e.HashAll(context.Background(), source, "sha256", nil) {
			r.must(err)
			break
		}
		if verb := e.Progress.Verb(); verb != "" {
			t.Errorf("%q is under way", verb)
		}
	})
	t.Run("ErrCanceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var last error
		for _, last = range e.HashAll(ctx, source, "sha256", nil) {
			cancel()
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("ended with %v, want %v", last, context.Canceled)
		}
	})
	t.Run("ErrAlgorithm", func(t *testing.T) {
		n := 0
		for _, err := range e.HashAll(context.Background(), source, "crc32", nil) {
			if n++; err == nil {
				t.Error("no error")
			}
		}
		if n != 1 {
			t.Errorf("%d results, want one error", n)
		}
	})
	t.Run("ErrRoot", func(t *testing.T) {
		for _, err := range e.HashAll(context.Background(), engine.Source{Root: r.in("missing")}, "sha256", nil) {
			if !errors.Is(err, os.ErrNotExist) {
				t.Errorf("error %v, want %v", err, os.ErrNotExist)
			}
		}
	})
}
