package journal

import (
	"reflect"
	"testing"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", "ä<&>", "\xff", `"quoted"`, "a\nb", `\`, "\xff\"\\"} {
		b, err := Text(s).MarshalJSON()
		var got Text
		if err == nil {
			err = got.UnmarshalJSON(b)
		}
		if err != nil || !reflect.DeepEqual(string(got), s) {
			t.Errorf("%q became %q, %v", s, got, err)
		}
	}
}
