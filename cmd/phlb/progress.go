package main

import (
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"phlb/engine"
)

const (
	sampling = 100 * time.Millisecond
	patience = 500 * time.Millisecond // a verb that takes less goes unseen
)

// line is the line of progress at the bottom of a terminal.
type line struct {
	*mpb.Progress
	bar *mpb.Bar
}

func newLine(w io.Writer, text func(width int) string) *line {
	p := mpb.New(mpb.WithOutput(w))
	fill := mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		// Not the last column: a terminal would wrap there.
		_, err := io.WriteString(w, text(s.AvailableWidth-1))
		return err
	})
	bar, err := p.Add(0, fill, mpb.BarFillerTrim())
	if err != nil {
		return nil // cannot be: p has just been made
	}
	return &line{p, bar}
}

// remove takes the line away.
func (l *line) remove() {
	l.bar.Abort(true)
	l.Wait()
}

// show shows how the verbs get on until stop is called: in a line that moves, if
// somebody is there to look at it, else in a line of its own after every interval,
// unless that is 0.
func (c *console) show(p *engine.Progress, interval time.Duration) (stop func()) {
	switch {
	case c.watched():
		return c.showMoving(p)
	case c.quiet || interval <= 0:
		return func() {}
	}
	var m meter
	said := time.Now()
	return every(min(interval, time.Second), func(now time.Time) {
		if m.look(now, p); m.verb != "" && now.Sub(said) >= interval {
			said = now
			c.info("%s", m.text(unlimited))
		}
	}, func() {})
}

func (c *console) showMoving(p *engine.Progress) (stop func()) {
	var m meter
	return every(sampling, func(now time.Time) {
		switch m.look(now, p); {
		case m.verb == "":
			c.hideLine()
		case now.Sub(m.began) >= patience:
			c.showLine(m.text)
		}
	}, c.hideLine)
}

// every calls do after every interval until stop is called, and then end.
func every(interval time.Duration, do func(now time.Time), end func()) (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		defer end()
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				do(now)
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

// watched reports whether somebody looks at the progress.
func (c *console) watched() bool {
	return !c.quiet && isTerminal(c.stderr) && os.Getenv("TERM") != "dumb"
}

func (c *console) showLine(text func(width int) string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line == nil {
		c.line = newLine(c.stderr, text)
	}
}

func (c *console) hideLine() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line != nil {
		c.line.remove()
		c.line = nil
	}
}
