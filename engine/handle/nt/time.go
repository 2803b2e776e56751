package nt

// Windows counts tenths of microseconds since 1601.
const (
	perSecond = 10_000_000
	epoch     = 11_644_473_600 // from 1601 to 1970, in seconds
)

// Unix returns seconds since 1970, and nanoseconds, for a time of Windows.
func Unix(ticks int64) (sec int64, nsec uint32) {
	sec = ticks / perSecond
	return sec - epoch, uint32(ticks-sec*perSecond) * 100
}

// Ticks is the inverse of [Unix]. What lies outside of what Windows can keep
// becomes the nearest that it can; zero would leave a time as it is.
func Ticks(sec int64, nsec uint32) int64 {
	const last = 1<<63/perSecond - 1
	return max(1, min(sec+epoch, last)*perSecond+int64(nsec/100))
}
