package main

import (
	"bufio"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// table is text in columns.
type table struct {
	columns []column
	rows    [][]string
	colours bool
}

// column is one of a table.
type column struct {
	title string
	right bool // numbers
	drop  int  // where there is not enough room, columns are left out from 1 on; 0: never
	cut   cut  // before that
	words bool // that have colours
}

// cut is where cells may be shortened.
type cut int

const (
	whole  cut = iota // nowhere
	behind            // at the end
	before            // at the beginning: the end of a path says more
)

// shortest is to how many columns of a terminal a cell is shortened at most.
const shortest = 16

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write writes the table so that it fits into width, 0 for any, if that can be
// done by shortening cells and leaving out columns that may go.
func (t *table) write(w io.Writer, width int) error {
	widths := t.fit(width)
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	out := bufio.NewWriter(w)
	out.WriteString(t.format(titles, widths, false))
	for _, row := range t.rows {
		out.WriteString(t.format(row, widths, t.colours))
	}
	return out.Flush()
}

// fit returns how wide each column is, 0 where it is left out.
func (t *table) fit(width int) []int {
	full := make([]int, len(t.columns))
	for i, c := range t.columns {
		full[i] = runewidth.StringWidth(c.title)
		for _, row := range t.rows {
			full[i] = max(full[i], runewidth.StringWidth(row[i]))
		}
	}
	widths := make([]int, len(full))
	for drop := range len(t.columns) + 1 {
		excess := -len(gap) - width
		for i, c := range t.columns {
			widths[i] = full[i]
			if c.drop > 0 && c.drop <= drop {
				widths[i] = 0
			}
			if widths[i] > 0 {
				excess += widths[i] + len(gap)
			}
		}
		if width == 0 || t.shorten(widths, excess) {
			break
		}
	}
	return widths
}

// shorten takes excess away from columns that may be cut, always from the
// widest, and reports whether there was so much.
func (t *table) shorten(widths []int, excess int) bool {
	for ; excess > 0; excess-- {
		widest := -1
		for i, c := range t.columns {
			if c.cut != whole && widths[i] > shortest && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	return true
}

const gap = "  "

func (t *table) format(cells []string, widths []int, colours bool) string {
	var line []string
	for i, cell := range cells {
		c := t.columns[i]
		if widths[i] == 0 {
			continue
		}
		switch c.cut {
		case behind:
			cell = runewidth.Truncate(cell, widths[i], "…")
		case before:
			cell = runewidth.TruncatePrefix(cell, widths[i], "…")
		}
		filled := runewidth.FillRight(cell, widths[i])
		if c.right {
			filled = runewidth.FillLeft(cell, widths[i])
		}
		if c.words && colours {
			filled = strings.Replace(filled, cell, styleOf(cell).set(cell), 1)
		}
		line = append(line, filled)
	}
	return strings.TrimRight(strings.Join(line, gap), " ") + "\n"
}
