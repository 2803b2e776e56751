package manifest

import (
	"errors"
	"testing"
)

func TestCheckTags(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"a", "monthly", "v1.2-rc_3", "host:/srv@eu", "wöchentlich", "月次", "naı\u0308ve"} {
		if err := CheckTags([]string{"first", tag}); err != nil {
			t.Error(err)
		}
	}
	for _, tag := range []string{"", " ", "by hand", "a\npinned", "a\tb", "a,b", "a\x00", "\xff", "'a'", "a*", "\ufffd"} {
		if err := CheckTags([]string{"first", tag}); !errors.Is(err, ErrTag) {
			t.Errorf("%q: error is %v", tag, err)
		}
	}
}
