package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var commentedKey = regexp.MustCompile(`(?m)^#([a-z_.]+ = )`)

// uncommented is the template with every setting in force.
func uncommented() string { return commentedKey.ReplaceAllString(string(template), "$1") }

func TestTemplate(t *testing.T) {
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	want := load(t, Sources{Dir: dir, Home: home}).Settings()

	t.Run("AsItIs", func(t *testing.T) {
		path := filepath.Join(dir, "as-it-is", FileName)
		if err := Create(path); err != nil {
			t.Fatal(err)
		}
		cfg := load(t, Sources{Dir: filepath.Dir(path), Home: home})
		if cfg.Path != path {
			t.Errorf("read %q", cfg.Path)
		}
		for i, s := range cfg.Settings() {
			if s.Origin != "default" || s.String() != want[i].String() {
				t.Errorf("%v from %s", s, s.Origin)
			}
		}
	})
	t.Run("Uncommented", func(t *testing.T) {
		path := write(t, uncommented(), dir, "uncommented", FileName)
		state := filepath.Join(dir, "state")
		if _, err := Trust(state, path, home); err != nil {
			t.Fatal(err)
		}
		for i, s := range load(t, Sources{Dir: filepath.Dir(path), Home: home, StateDir: state}).Settings() {
			if s.String() != want[i].String() {
				t.Errorf("the template has %v, the default is %v", s, want[i])
			}
			if !strings.HasPrefix(s.Origin, path+":") {
				t.Errorf("%s is not in the template", s.Key)
			}
		}
	})
	t.Run("Order", func(t *testing.T) {
		var order []string
		for _, m := range commentedKey.FindAllStringSubmatch(string(template), -1) {
			order = append(order, strings.TrimSuffix(m[1], " = "))
		}
		if fmt.Sprint(order) != fmt.Sprint(keyNames()) {
			t.Errorf("the template has %v, the settings are %v", order, keyNames())
		}
	})
}

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folders", FileName)
	if err := Create(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created it again: %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "mine" {
		t.Errorf("overwritten: %s", got)
	}
	if err := Create(filepath.Join(path, FileName)); err == nil {
		t.Error("created a file below a file")
	}
}
