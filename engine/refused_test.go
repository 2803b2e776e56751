package engine_test

import (
	"os"
	"strings"
	"testing"

	"phlb/engine"
)

func TestSourceMissing(t *testing.T) {
	r := newRepo(t)
	r.write("file", "")
	for path, want := range map[string]string{
		r.in("nothing"): "no such file",
		r.in("file"):    "not a directory",
	} {
		if _, err := r.try(engine.Source{Root: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", path, err, want)
		}
	}
	if _, err := os.Lstat(r.root); err == nil {
		t.Error("a root was made for nothing")
	}
}
