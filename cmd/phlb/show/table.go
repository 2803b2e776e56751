// Package show writes values so that people can read them: tables that fit a
// terminal, rows in the formats that programs take, sizes, ages and times.
//
// Tables are made by hand and not by a library: those that were looked at break
// lines where cells are too long, while here a path loses its beginning and a
// column that matters less is left out.
//
// What is written is told by the arguments alone: the package asks neither the
// terminal nor the clock.
package show

import (
	"bufio"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Table is text in columns. Without any titles it is rows alone.
type Table struct {
	Columns []Column
	Rows    [][]string
	Colours bool // for the words of columns that are made of such
}

// Column is one of a table.
type Column struct {
	Title string
	Right bool // of numbers, which end under each other
	Drop  int  // where there is not enough room, columns are left out from 1 on; 0: never
	Cut   Cut  // where there is not enough room, before columns are left out
	Words bool // of words that have colours
}

// Cut is where cells may be shortened.
type Cut int

const (
	Whole  Cut = iota // nowhere
	Behind            // at the end
	Before            // at the beginning: the end of a path says more
)

// shortest is to how many columns of a terminal a cell is shortened at most.
const shortest = 16

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write writes the table so that it fits into width, 0 for any, if that can be
// done by shortening cells and leaving out columns that may go.
func (t *Table) Write(w io.Writer, width int) error {
	widths := t.fit(width)
	titles := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		titles[i] = c.Title
	}
	out := bufio.NewWriter(w)
	if strings.Join(titles, "") != "" {
		out.WriteString(t.format(titles, widths, false))
	}
	for _, row := range t.Rows {
		out.WriteString(t.format(row, widths, t.Colours))
	}
	return out.Flush()
}

// fit returns how wide each column is, 0 where it is left out.
func (t *Table) fit(width int) []int {
	full := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		full[i] = runewidth.StringWidth(c.Title)
		for _, row := range t.Rows {
			full[i] = max(full[i], runewidth.StringWidth(row[i]))
		}
	}
	widths := make([]int, len(full))
	for drop := range len(t.Columns) + 1 {
		excess := -len(gap) - width
		for i, c := range t.Columns {
			widths[i] = full[i]
			if c.Drop > 0 && c.Drop <= drop {
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
func (t *Table) shorten(widths []int, excess int) bool {
	for ; excess > 0; excess-- {
		widest := -1
		for i, c := range t.Columns {
			if c.Cut != Whole && widths[i] > shortest && (widest < 0 || widths[i] > widths[widest]) {
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

func (t *Table) format(cells []string, widths []int, colours bool) string {
	return strings.TrimRight(strings.Join(t.fill(cells, widths, colours), gap), " ") + "\n"
}

// fill returns the cells of the columns that are shown, as wide as those are.
func (t *Table) fill(cells []string, widths []int, colours bool) (line []string) {
	for i, cell := range cells {
		c := t.Columns[i]
		if widths[i] == 0 {
			continue
		}
		switch c.Cut {
		case Behind:
			cell = runewidth.Truncate(cell, widths[i], "…")
		case Before:
			cell = runewidth.TruncatePrefix(cell, widths[i], "…")
		}
		filled := runewidth.FillRight(cell, widths[i])
		if c.Right {
			filled = runewidth.FillLeft(cell, widths[i])
		}
		if c.Words && colours {
			filled = strings.Replace(filled, cell, styleOf(cell).Set(cell), 1)
		}
		line = append(line, filled)
	}
	return line
}
