package main

import (
	"testing"
	"time"

	"phlb/cmd/phlb/show"

	"github.com/mattn/go-runewidth"
)

// fed returns a meter that was given a sample per second.
func fed(samples ...sample) *meter {
	var m meter
	for i, s := range samples {
		s.at = time.Unix(int64(i), 0)
		m.add("backup documents", s)
	}
	return &m
}

// steady returns n samples of a verb that does 10 files and 1 MiB per second.
func steady(n int, totalFiles, totalBytes int64) (all []sample) {
	for i := range int64(n) {
		all = append(all, sample{files: 10 * i, bytes: i << 20, totalFiles: totalFiles, totalBytes: totalBytes})
	}
	return all
}

func TestMeterText(t *testing.T) {
	stuck := steady(10, 1000, 100<<20)
	for range window / time.Second {
		stuck = append(stuck, stuck[9])
	}
	failing := steady(5, 0, 0)
	failing[4].errors = 1
	tests := []struct {
		name    string
		samples []sample
		width   int
		want    string
	}{
		{"TotalsKnown", steady(11, 1000, 40<<20), 120,
			"backup documents  [====              ]  25%  100 of 1,000 files  10 MiB of 40 MiB  1.0 MiB/s  1:30 left"},
		{"FilesTakeLonger", steady(11, 1100, 40<<20), 120,
			"backup documents  [====              ]  25%  100 of 1,100 files  10 MiB of 40 MiB  1.0 MiB/s  1:40 left"},
		{"BytesTakeLonger", steady(11, 1000, 400<<20), 120,
			"backup documents  [                  ]  2%  100 of 1,000 files  10 MiB of 400 MiB  1.0 MiB/s  6:30 left"},
		{"TooEarlyToTell", steady(3, 1000, 40<<20), 120,
			"backup documents  [                  ]  5%  20 of 1,000 files  2.0 MiB of 40 MiB  1.0 MiB/s  0:02"},
		{"TotalsUnknown", steady(11, 0, 0), 120, "backup documents  100 files  10 MiB  1.0 MiB/s  0:10"},
		{"MoreThanTheTotals", steady(11, 99, 40<<20), 120, "backup documents  100 files  10 MiB  1.0 MiB/s  0:10"},
		{"NothingMoves", stuck, 120,
			"backup documents  [=                 ]  9%  90 of 1,000 files  9.0 MiB of 100 MiB  0:24"},
		{"NoBytesToRead", []sample{{totalFiles: 8}, {files: 4, totalFiles: 8}}, 120,
			"backup documents  [=========         ]  50%  4 of 8 files  0 B  0:01"},
		{"Errors", failing, 120, "backup documents  40 files  4.0 MiB  1.0 MiB/s  0:04  1 error"},
		{"NoRoomForTheBar", steady(11, 1000, 40<<20), 80,
			"backup documents  25%  100 of 1,000 files  10 MiB of 40 MiB  1:30 left"},
		{"Narrow", steady(11, 1000, 40<<20), 50, "backup documents  25%  10 MiB of 40 MiB"},
		{"NarrowWithErrors", failing, 30, "backup documents  1 error"},
		{"VeryNarrow", failing, 10, "backup do…"},
		{"NoWidth", failing, -1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fed(tt.samples...).text(tt.width); got != tt.want {
				t.Errorf("%d columns:\n%s\n%s\n", tt.width, got, tt.want)
			}
		})
	}
}

func TestMeterFits(t *testing.T) {
	m := fed(steady(11, 123456, 78<<30)...)
	for width := range 200 {
		if line := m.text(width); runewidth.StringWidth(line) > width {
			t.Errorf("%q does not fit into %d columns", line, width)
		}
	}
}

// A verb that follows another starts anew.
func TestMeterNextVerb(t *testing.T) {
	m := fed(steady(11, 1000, 40<<20)...)
	m.add("verify documents", sample{at: time.Unix(20, 0)})
	m.add("verify documents", sample{at: time.Unix(22, 0), bytes: 2 << 20, files: 1})
	if got, want := m.text(80), "verify documents  1 file  2.0 MiB  1.0 MiB/s  0:02"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0:00", 1499 * time.Millisecond: "0:01", 65 * time.Second: "1:05", 59*time.Minute + 59*time.Second: "59:59",
		time.Hour: "1:00:00", 26*time.Hour + 3*time.Minute + 4*time.Second: "26:03:04",
	} {
		if got := show.Clock(d); got != want {
			t.Errorf("show.Clock(%v) = %q, want %q", d, got, want)
		}
	}
}
