package manifest

import (
	"errors"
	"slices"
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
	many := slices.Repeat([]string{"a"}, MaxTags)
	if err := CheckTags(many); err != nil {
		t.Error(err)
	}
	if err := CheckTags(append(many, "a")); err == nil || err.Error() != "1001 tags are too many: a snapshot has at most 1000" {
		t.Errorf("error is %v", err)
	}
}
