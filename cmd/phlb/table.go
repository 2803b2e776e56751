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
}

// column is one of a table.
type column struct {
	title string
	right bool // numbers
	drop  int  // where there is not enough room, columns are left out from 1 on; 0: never
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write writes the table so that it fits into width, 0 for any, if that can be
// done by leaving out columns that may go.
func (t *table) write(w io.Writer, width int) error {
	widths := make([]int, len(t.columns)) // 0: left out
	total := -len(gap)
	for i, c := range t.columns {
		widths[i] = len(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
		total += widths[i] + len(gap)
	}
	for drop := 1; drop <= len(t.columns) && width > 0 && total > width; drop++ {
		for i, c := range t.columns {
			if c.drop == drop {
				total -= widths[i] + len(gap)
				widths[i] = 0
			}
		}
	}
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	out := bufio.NewWriter(w)
	out.WriteString(t.format(titles, widths))
	for _, row := range t.rows {
		out.WriteString(t.format(row, widths))
	}
	return out.Flush()
}

const gap = "  "

func (t *table) format(cells []string, widths []int) string {
	var line []string
	for i, cell := range cells {
		switch {
		case widths[i] == 0:
		case t.columns[i].right:
			line = append(line, runewidth.FillLeft(cell, widths[i]))
		default:
			line = append(line, runewidth.FillRight(cell, widths[i]))
		}
	}
	return strings.TrimRight(strings.Join(line, gap), " ") + "\n"
}
