package runtime

import (
	"errors"
	"strings"
	"testing"

	"go.starlark.net/starlark"
)

// A stream that main returns can be read by Result, and no longer afterwards.
func TestResult(t *testing.T) {
	host := func(seen *[]string) *Host {
		h, _ := newHost(count)
		h.Result = func(v starlark.Value) error {
			for element := range starlark.Elements(v.(starlark.Iterable)) {
				*seen = append(*seen, element.String())
			}
			return nil
		}
		return h
	}
	t.Run("Stream", func(t *testing.T) {
		var seen []string
		if _, err := runSource(host(&seen), "def main(): return count(3)"); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(seen, " "); got != "0 1 2" {
			t.Errorf("read %q, want 0 1 2", got)
		}
	})
	t.Run("StreamFails", func(t *testing.T) {
		var seen []string
		_, err := runSource(host(&seen), "def main(): return count(3, fail = 1)")
		if !errors.Is(err, errDisk) {
			t.Errorf("error %v, want %v", err, errDisk)
		}
	})
	t.Run("Error", func(t *testing.T) {
		h, _ := newHost()
		h.Result = func(starlark.Value) error { return errDisk }
		_, err := runSource(h, "def main(): return 1")
		if !errors.Is(err, errDisk) || err.Error() != errDisk.Error() {
			t.Errorf("error %v, want %v alone", err, errDisk)
		}
	})
	t.Run("NotAfterFailure", func(t *testing.T) {
		h, _ := newHost()
		h.Result = func(starlark.Value) error { t.Error("called"); return nil }
		if _, err := runSource(h, "def main(): fail('no')"); err == nil {
			t.Error("no error")
		}
	})
}

func TestHostFlags(t *testing.T) {
	host, _ := newHost()
	host.Flags = []string{"--json", "--backup-path"}
	t.Run("Parameter", func(t *testing.T) {
		_, err := runSource(host, "def helper(): pass\ndef main(source, backup_path = ''): pass")
		wantError(t, err, "test.star:2:5: main has a parameter backup_path, but --backup-path is a flag of every script")
		if e := (*Error)(nil); !errors.As(err, &e) || !e.Compile {
			t.Errorf("error %#v, want one of compiling", err)
		}
	})
}
