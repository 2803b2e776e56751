package builtins

import (
	"strings"
	"testing"
)

// TestAPI holds that everything is documented, and nothing that is not there.
func TestAPI(t *testing.T) {
	used := map[string]bool{}
	for _, owner := range newLab(t).session.API() {
		for _, f := range owner.Functions {
			if !strings.HasPrefix(f.Signature, f.Name+"(") || f.Doc == "" || strings.Contains(f.Doc, "\n") {
				t.Errorf("%s.%s: %q, %q", owner.Name, f.Name, f.Signature, f.Doc)
			}
		}
		for _, a := range owner.Attributes {
			if a.Doc == "" || a.Type == "" {
				t.Errorf("%s.%s is not documented", owner.Name, a.Name)
			}
			used[owner.Name+"."+a.Name], used["."+a.Name] = true, true
		}
	}
	for key := range documented {
		if !used[key] {
			t.Errorf("%s is documented and not there", key)
		}
	}
}
