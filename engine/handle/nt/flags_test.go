package nt

import "testing"

// Attributes come back from their names, and what a later version names is left out.
func TestFlags(t *testing.T) {
	t.Parallel()
	for flags, want := range map[uint32]string{
		0: "", 0x1: "read-only", 0x27: "read-only,hidden,system", 0x2010: "not-indexed,directory", 0x20: "",
	} {
		text := FlagText(flags)
		if text != want {
			t.Errorf("%#x is %q, want %q", flags, text, want)
		}
		if got := FlagsOf(text + ",later"); got != flags&^0x20 { // archive is an attribute of its own
			t.Errorf("%q is %#x, want %#x", text, got, flags)
		}
	}
}
