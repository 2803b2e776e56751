package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func testReport() *report {
	ms := func(wall, cpu, mib int) sample {
		return sample{Wall: time.Duration(wall) * time.Millisecond, CPU: time.Duration(cpu) * time.Millisecond, Peak: int64(mib) << 20}
	}
	r := &report{
		Source: "/usr/share", Tree: contents{Files: 43416, Folders: 4210, Others: 12, Bytes: 561 << 20},
		Destination: "/dev/shm", FileSystem: "tmpfs", OS: "linux", Arch: "amd64", CPUs: 2, Rounds: 3, Seed: 1,
		Changed: contents{Files: 435, Bytes: 12 << 20}, MemoryFloor: 8 << 20, Startup: 5500 * time.Microsecond,
		Tools:   []toolInfo{{"cp", "cp 9.1"}, {"cp+sync", "cp 9.1"}, {"phlb", "phlb 1.0"}},
		Skipped: []string{"borg is not installed"},
		Results: []result{
			{Phase: "first", Tool: "cp", Label: "cp -a", Samples: []sample{ms(900, 500, 4), ms(1000, 400, 5), ms(1100, 450, 4)}},
			{Phase: "first", Tool: "phlb", Label: "phlb exec backup.star", Samples: []sample{ms(1500, 900, 30), ms(12500, 900, 30), ms(1400, 900, 31)}},
			{Phase: "unchanged", Tool: plainTool, Label: "phlb exec plain.star", Samples: []sample{ms(500, 600, 20)}},
			{Phase: "unchanged", Tool: whereTool, Label: "phlb exec where.star", Samples: []sample{ms(600, 1468, 0)}},
		},
	}
	r.finish()
	return r
}

func TestTable(t *testing.T) {
	const want = `
/usr/share: 43,416 files, 4,210 folders, 561 MiB, on /dev/shm (tmpfs)
linux/amd64, 2 CPUs; medians of 3, seed 1; 435 files with 12 MiB changed in each round
cp 9.1
phlb 1.0

first backup                   wall  × cp -a      CPU  × cp -a  peak memory  spread
  cp -a                     1.000 s     1.00  0.450 s     1.00    ≤ 8.0 MiB    20 %
  phlb exec backup.star     1.500 s     1.50  0.900 s     2.00       30 MiB   740 %

unchanged                      wall  × base      CPU  × base  peak memory  spread
  phlb exec plain.star      0.500 s       -  0.600 s       -       20 MiB       -
  phlb exec where.star      0.600 s       -  1.468 s       -            -       -

where, unchanged: 2.30 µs wall and 19.99 µs CPU per file
phlb --version: 5.5 ms, median of 20
left out: borg is not installed
peak memory is that of a tool's largest process
`
	var got strings.Builder
	if err := testReport().writeTable(&got); err != nil {
		t.Fatal(err)
	}
	if "\n"+got.String() != want {
		t.Errorf("got\n%s\nwant%s", got.String(), want)
	}
}

func TestTableWithoutMemory(t *testing.T) {
	r := testReport()
	r.OS, r.MemoryFloor = "windows", 0
	for i := range r.Results {
		r.Results[i].Median.Peak = 0
	}
	var got strings.Builder
	if err := r.writeTable(&got); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.String(), "peak memory is not to be had on windows") || strings.Contains(got.String(), "≤") {
		t.Error(got.String())
	}
}

func TestJSON(t *testing.T) {
	var got strings.Builder
	if err := testReport().writeJSON(&got); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Tree    struct{ Files int }
		Results []struct {
			Phase, Tool, Command string
			Samples              []map[string]int64
			Median               map[string]int64
			WallRatio            float64 `json:"wall_ratio"`
		}
		Floor int64 `json:"memory_floor_bytes"`
	}
	if err := json.Unmarshal([]byte(got.String()), &doc); err != nil {
		t.Fatal(err)
	}
	phlb := doc.Results[1]
	if doc.Tree.Files != 43416 || doc.Floor != 8<<20 || len(doc.Results) != 4 || phlb.Command != "phlb exec backup.star" ||
		len(phlb.Samples) != 3 || phlb.Samples[2]["peak_bytes"] != 31<<20 ||
		phlb.Median["wall_ns"] != 1_500_000_000 || phlb.WallRatio != 1.5 {
		t.Errorf("%+v", doc)
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []int64
		want   int64
	}{
		{[]int64{7}, 7},
		{[]int64{9, 1}, 1},
		{[]int64{3, 1, 2}, 2},
		{[]int64{5, 5, 1, 9, 4}, 5},
	} {
		if got := median(test.values); got != test.want {
			t.Errorf("median(%v) = %d, want %d", test.values, got, test.want)
		}
	}
}
