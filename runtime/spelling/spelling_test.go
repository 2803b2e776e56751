package spelling

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"--daily", "--deep", "--weekly", "from", "bool"}
	for name, want := range map[string]string{
		"--daly": "--daily", "--dialy": "--daily", "--depe": "--deep", "--weekley": "--weekly",
		"--d": "", "form": "from", "fork": "", "wood": "", "--monthly": "", "": "", "--aily": "--daily",
	} {
		if got := Nearest(name, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
