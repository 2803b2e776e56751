package git

import "testing"

// What git says is told without credentials, and in one line.
func TestSaid(t *testing.T) {
	if got, want := said("fatal: unable to access 'https://me:secret@h/x/': no\nhint: x\nremote: \n"), "unable to access 'https://h/x/': no; remote:"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}
