package inode

import (
	"strings"
	"testing"
)

func TestXattrsTooLarge(t *testing.T) {
	names := make([]string, 200)
	list := func() ([]string, error) { return names, nil }
	_, err := Gather(list, func(string) ([]byte, error) { return make([]byte, 64<<10), nil })
	if err == nil || !strings.Contains(err.Error(), "8 MiB") {
		t.Errorf("13 MB of attributes: %v", err)
	}
	if found, err := Gather(list, func(string) ([]byte, error) { return make([]byte, 40<<10), nil }); err != nil || len(found) != len(names) {
		t.Errorf("8 MB of attributes: %d of %d, %v", len(found), len(names), err)
	}
}
