package runtime

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"--daily", "--deep", "--weekly"}
	for name, want := range map[string]string{
		"--daly": "--daily", "--dialy": "--daily", "--depe": "--deep", "--weekley": "--weekly",
		"--d": "", "--monthly": "", "": "", "--aily": "--daily",
	} {
		if got := nearest(name, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
