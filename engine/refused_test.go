package engine_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"phlb/engine"
)

func TestSourceMissing(t *testing.T) {
	r := newRepo(t)
	r.write("file", "")
	if _, err := r.try(engine.Source{Root: r.in("nothing")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := r.try(engine.Source{Root: r.in("file")}); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Lstat(r.root); err == nil {
		t.Error("a root was made for nothing")
	}
}
