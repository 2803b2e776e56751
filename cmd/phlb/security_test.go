package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityNamesTests holds that SECURITY.md names tests that there are, and some
// in every paragraph that promises something.
func TestSecurityNamesTests(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root:
			return fs.SkipDir
		case strings.HasSuffix(path, ".txtar"):
			there[d.Name()] = true
		case strings.HasSuffix(path, "_test.go"):
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range function.FindAllSubmatch(source, -1) {
				there[string(m[1])] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	promises, _, _ := strings.Cut(string(text), "## How to report")
	_, promises, _ = strings.Cut(promises, "\n## ")
	name := regexp.MustCompile("`((?:Test|Fuzz)\\w+|[\\w-]+\\.txtar)`")
	for _, paragraph := range strings.Split(promises, "\n\n") {
		named := name.FindAllStringSubmatch(paragraph, -1)
		for _, m := range named {
			if !there[m[1]] {
				t.Errorf("SECURITY.md names %s, and there is no such test", m[1])
			}
		}
		if title := len(strings.Fields(paragraph)) < 3; len(named) == 0 && !title && !strings.HasPrefix(paragraph, "The author of a module is") {
			t.Errorf("no test stands behind: %s", paragraph)
		}
	}
}
