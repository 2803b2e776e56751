package ask

import (
	"math/rand"
	"testing"
	"time"
)

// TestTextOfSeconds holds the fast way to write a time against that of package time.
func TestTextOfSeconds(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewSource(1))
	list := []int64{0, -1, yearZero - 1, yearZero, year9999Ends, year9999Ends + 1, 951782400, 1709164800}
	for range 2000 {
		list = append(list, yearZero+rnd.Int63n(year9999Ends-yearZero))
	}
	for _, sec := range list {
		for _, nsec := range []uint32{0, 999_999, 1_000_000, 999_999_999} {
			want := time.Unix(sec, int64(nsec)).UTC().Format(timeLayout)
			if got := textOfSeconds(sec, nsec); got != want {
				t.Errorf("%d.%09d is %s, not %s", sec, nsec, got, want)
			}
		}
	}
}
