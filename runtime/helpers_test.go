package runtime

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.starlark.net/starlark"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("CET", 3600))

// errDisk is what the builtin broken returns, as an engine would.
var errDisk = errors.New("no space left in /mnt/b")

// testTable stands for the builtins of a real program.
var testTable = Table{
	{Name: "touch", Signature: "touch(x=None)", Doc: "does something to the world", Effect: true, Func: touch},
	{Name: "broken", Signature: "broken()", Doc: "fails", Func: broken},
}

func touch(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return starlark.String("touched"), nil
}

func broken(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return nil, errDisk
}

// newHost returns a host with the test builtins, and what scripts print.
func newHost(extra ...Builtin) (*Host, *bytes.Buffer) {
	out := new(bytes.Buffer)
	names := append(Table{}, testTable...)
	return &Host{Names: append(names, extra...).Names(), Now: noon, Print: out}, out
}

// runSource loads src as test.star and runs it.
func runSource(h *Host, src string, args ...string) (starlark.Value, error) {
	s, err := h.LoadSource(context.Background(), "test.star", []byte(src))
	if err != nil {
		return nil, err
	}
	return s.Run(context.Background(), args)
}

// tree writes files, given as name and content in turn, and returns their
// directory.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, filepath.FromSlash(files[i]))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runFile loads and runs a file.
func runFile(h *Host, name string) error {
	s, err := h.Load(context.Background(), name)
	if err == nil {
		_, err = s.Run(context.Background(), nil)
	}
	return err
}

// wantError fails unless err says want. Scripts and users see these texts, so
// tests hold on to them.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Fatalf("no error; want %q", want)
	case !strings.Contains(err.Error(), want):
		t.Fatalf("error %q; want %q", err, want)
	}
}

// below returns text with the paths of what lies in dir as they lead from there.
func below(dir, text string) string {
	return strings.ReplaceAll(filepath.ToSlash(text), filepath.ToSlash(dir)+"/", "")
}

// detail returns what a user is shown of err.
func detail(t *testing.T, err error) string {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T); want an *Error", err, err)
	}
	return e.Detail()
}
