package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"phlb/engine"
)

// TestLines has a backup of two and a half minutes tell how far it has come where
// there is no terminal.
func TestLines(t *testing.T) {
	for _, test := range []struct {
		name     string
		interval time.Duration
		quiet    bool
		want     []string
	}{
		{"EveryMinute", time.Minute, false, []string{
			"phlb: backup docs  25%  1 of 4 files  10 B of 40 B  0:59",
			"phlb: backup docs  50%  2 of 4 files  20 B of 40 B  1:59",
		}},
		{"Never", 0, false, nil},
		{"Quiet", time.Minute, true, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said bytes.Buffer
				c := newConsole(&bytes.Buffer{}, &said)
				c.quiet = test.quiet
				var p engine.Progress
				stop := c.show(&p, test.interval)
				end := p.Begin("backup docs")
				p.TotalFiles.Store(4)
				p.TotalBytes.Store(40)
				for range 2 {
					p.Files.Add(1)
					p.Bytes.Add(10)
					time.Sleep(time.Minute + time.Second)
				}
				end()
				time.Sleep(time.Minute)
				stop()
				got := strings.TrimSuffix(said.String(), "\n")
				if got != strings.Join(test.want, "\n") {
					t.Errorf("it said:\n%s", got)
				}
			})
		})
	}
}
