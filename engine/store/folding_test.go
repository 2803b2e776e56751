package store

import (
	"maps"
	"testing"
)

// The file system says what it takes for one.
func TestApart(t *testing.T) {
	t.Parallel()
	p := begin(t, newRoot(t), "1")
	defer p.Close()
	names := []string{"A", "Makefile", "a", "b", "makefile", "makefile~1", "only", "x", "x."}
	want := map[string]string{"a": "a~1", "makefile": "makefile~3"}
	if !p.Folds() {
		want = map[string]string{}
	}
	for range 2 { // what was tried is gone
		got, err := p.Apart(names, func(name string) bool { return name == "makefile~2" })
		must(t, err)
		if !maps.Equal(got, want) {
			t.Errorf("names apart are %v, want %v", got, want)
		}
	}
	if got, err := p.Apart([]string{"a", "b"}, nil); err != nil || len(got) > 0 {
		t.Errorf("names apart are %v, %v", got, err)
	}
}
