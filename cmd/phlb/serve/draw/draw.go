// Package draw makes drawings: SVG that stands in a page. A strict policy of the page
// forbids styles in it, and so what is drawn has classes and attributes.
package draw

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"phlb/cmd/phlb/serve/words"
)

// Point is a size at a time.
type Point struct {
	Time  time.Time
	Bytes int64
}

// Bar is a size with a label.
type Bar struct {
	Label string
	Bytes int64
	Count int // of what makes it up
}

// Box is something that takes room, with what it consists of, the largest first.
type Box struct {
	Name    string       `json:"name"`
	Kind    string       `json:"kind"`
	Bytes   int64        `json:"bytes"`
	Files   int64        `json:"files"`
	Address template.URL `json:"address"`
	Below   []*Box       `json:"-"`
	Key     string       `json:"-"` // by which its maker knows it
}

// Line draws how a size has changed, the oldest point first.
func Line(points []Point) template.HTML {
	const width, height, margin = 120.0, 32.0, 3.0
	if len(points) == 0 {
		return ""
	}
	if len(points) == 1 { // a line all the same
		points = []Point{{points[0].Time.Add(-time.Hour), points[0].Bytes}, points[0]}
	}
	if n := len(points); n > 200 {
		points = points[n-200:]
	}
	least, most := points[0].Bytes, points[0].Bytes
	for _, p := range points {
		least, most = min(least, p.Bytes), max(most, p.Bytes)
	}
	start, span := points[0].Time, points[len(points)-1].Time.Sub(points[0].Time).Seconds()
	var line strings.Builder
	for _, p := range points {
		x, y := width, height/2
		if span > 0 {
			x = margin + p.Time.Sub(start).Seconds()/span*(width-2*margin)
		}
		if most > least {
			y = height - margin - float64(p.Bytes-least)/float64(most-least)*(height-2*margin)
		}
		fmt.Fprintf(&line, "%.1f,%.1f ", x, y)
	}
	return template.HTML(fmt.Sprintf(`<svg class="spark" viewBox="0 0 %g %g" preserveAspectRatio="none" role="img" aria-label="%s – %s"><polyline points="%s"/></svg>`,
		width, height, words.Size(least), words.Size(most), strings.TrimSpace(line.String())))
}

// Bars draws sizes side by side.
func Bars(bars []Bar) template.HTML {
	const height, bar, gap, shown = 120.0, 14.0, 4.0, 53
	if len(bars) > shown {
		bars = bars[len(bars)-shown:]
	}
	most := int64(1)
	for _, w := range bars {
		most = max(most, w.Bytes)
	}
	var b strings.Builder
	width := max(float64(len(bars))*(bar+gap), 200)
	fmt.Fprintf(&b, `<svg class="bars" viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="%s">`, width, height+18, width, height+18, labelOf(bars))
	for i, w := range bars {
		h := max(float64(w.Bytes)/float64(most)*height, 1)
		x := float64(i) * (bar + gap)
		fmt.Fprintf(&b, `<g><title>%s: %s, %d</title><rect x="%g" y="%.1f" width="%g" height="%.1f" rx="2"/>`, w.Label, words.Size(w.Bytes), w.Count, x, height-h, bar, h)
		if i == 0 || i%8 == 0 && i < len(bars)-2 {
			fmt.Fprintf(&b, `<text x="%g" y="%g">%s</text>`, x, height+14, w.Label)
		}
		b.WriteString("</g>")
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

func labelOf(bars []Bar) string {
	if len(bars) == 0 {
		return ""
	}
	return bars[0].Label + " – " + bars[len(bars)-1].Label
}

type box struct{ x, y, w, h float64 }

const (
	mapWidth, mapHeight = 960.0, 480.0
	smallest            = 5.0 // side of what is drawn
	drawn               = 60  // entries of a folder, the rest is one
	drawnBelow          = 14
	labelHeight         = 18.0
)

// Map draws the entries of a folder, and those of the folders in it, as boxes whose areas
// are in proportion to the sizes.
func Map(entries []*Box) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="map" viewBox="0 0 %g %g" role="group">`, mapWidth, mapHeight)
	shown := entries
	if len(shown) > drawn {
		shown = shown[:drawn]
	}
	var labels []string // for a phone, where the map is so small that only large boxes can have one
	for i, at := range squarify(entries, len(shown), box{0, 0, mapWidth, mapHeight}) {
		e := shown[i]
		if at.w < smallest || at.h < smallest {
			continue
		}
		name := template.HTMLEscapeString(words.Shown(e.Name))
		fmt.Fprintf(&b, `<a href="%s"><title>%s: %s</title><rect class="c%d" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`,
			template.HTMLEscapeString(string(e.Address)), name, words.Size(e.Bytes), i%8, at.x, at.y, at.w, at.h)
		if at.w > 60 && at.h > labelHeight {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">%s</text>`, at.x+5, at.y+13, template.HTMLEscapeString(clip(words.Shown(e.Name), int(at.w/7)-1)))
		}
		b.WriteString("</a>")
		if at.w > 170 && at.h > 56 {
			labels = append(labels, fmt.Sprintf(`<text class="phone" x="%.1f" y="%.1f">%s</text>`, at.x+8, at.y+36, template.HTMLEscapeString(clip(words.Shown(e.Name), int(at.w/18)-1))))
		}
		inner := box{at.x + 3, at.y + labelHeight, at.w - 6, at.h - labelHeight - 3}
		if len(e.Below) == 0 || inner.w < 30 || inner.h < 20 {
			continue
		}
		below := e.Below
		if len(below) > drawnBelow {
			below = below[:drawnBelow]
		}
		for k, at := range squarify(e.Below, len(below), inner) {
			if at.w < smallest || at.h < smallest {
				continue
			}
			fmt.Fprintf(&b, `<a href="%s" tabindex="-1"><title>%s/%s: %s</title><rect class="in" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`,
				template.HTMLEscapeString(string(below[k].Address)), name, template.HTMLEscapeString(words.Shown(below[k].Name)), words.Size(below[k].Bytes), at.x, at.y, at.w, at.h)
			if at.w > 70 && at.h > 16 {
				fmt.Fprintf(&b, `<text class="small" x="%.1f" y="%.1f">%s</text>`, at.x+4, at.y+12, template.HTMLEscapeString(clip(words.Shown(below[k].Name), int(at.w/6)-1)))
			}
			b.WriteString("</a>")
		}
	}
	b.WriteString(strings.Join(labels, "") + "</svg>")
	return template.HTML(b.String())
}

func clip(text string, n int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	return string(r[:max(n-1, 1)]) + "…"
}

// squarify gives the first n of the entries, of which the largest come first, boxes
// whose areas are in proportion to all of them, and nearly squares: see Bruls,
// Huizing and van Wijk, Squarified Treemaps, 2000.
func squarify(entries []*Box, n int, in box) []box {
	total := 0.0
	for _, e := range entries {
		total += float64(e.Bytes)
	}
	if total == 0 || in.w <= 0 || in.h <= 0 {
		return nil
	}
	scale := in.w * in.h / total
	boxes := make([]box, 0, n)
	for first := 0; first < n; {
		side := min(in.w, in.h)
		row, last := 0.0, first
		worst := 0.0
		for ; last < n; last++ {
			area := float64(entries[last].Bytes) * scale
			next := ratio(float64(entries[first].Bytes)*scale, area, row+area, side)
			if last > first && next > worst {
				break
			}
			row, worst = row+area, next
		}
		thick := row / side
		at := 0.0
		for _, e := range entries[first:last] {
			long := float64(e.Bytes) * scale / thick
			if in.w >= in.h {
				boxes = append(boxes, box{in.x, in.y + at, thick, long})
			} else {
				boxes = append(boxes, box{in.x + at, in.y, long, thick})
			}
			at += long
		}
		if in.w >= in.h {
			in.x, in.w = in.x+thick, in.w-thick
		} else {
			in.y, in.h = in.y+thick, in.h-thick
		}
		first = last
	}
	return boxes
}

// ratio is the worst of the sides of a row of boxes, of which the largest and the
// smallest are given.
func ratio(largest, smallest, sum, side float64) float64 {
	if sum == 0 || smallest == 0 {
		return 0
	}
	return max(side*side*largest/(sum*sum), sum*sum/(side*side*smallest))
}
