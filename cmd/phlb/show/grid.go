package show

import (
	"bufio"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
)

// grid is a table. The first rows decide how wide its columns are, so that any
// number of rows can follow; where they do not fit, it is lines.
type grid struct {
	w       *bufio.Writer
	columns []string
	width   int
	edges   *edges

	first  [][]any
	table  Table
	widths []int // nil: not decided yet
	lines  *lines
}

// edges are what stands around the cells of a table.
type edges struct {
	left, between, right string      // of each line
	rules                [3][]string // above the titles, below them and below the rows: left, between and right; nil for none
	dash                 string
	colon                string            // ends the rule below the titles where a column is of numbers
	whole                bool              // cells are never shortened
	escape               *strings.Replacer // of what might be taken for an edge; nil for none
}

var (
	plain = edges{between: gap}
	box   = edges{
		left: "│ ", between: " │ ", right: " │", dash: "─",
		rules: [3][]string{{"┌", "┬", "┐"}, {"├", "┼", "┤"}, {"└", "┴", "┘"}},
	}
	// markdown is a table of GitHub's Markdown.
	markdown = edges{
		left: "| ", between: " | ", right: " |", dash: "-", colon: ":", whole: true,
		rules:  [3][]string{1: {"|", "|", "|"}},
		escape: strings.NewReplacer(`\`, `\\`, `|`, `\|`, `<`, `\<`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`),
	}
)

// room returns how many columns of a terminal n cells need beside those of [gap].
func (e *edges) room(n int) int {
	return runewidth.StringWidth(e.left) + runewidth.StringWidth(e.right) + (n-1)*(runewidth.StringWidth(e.between)-len(gap))
}

func (e *edges) line(cells []string) string {
	return strings.TrimRight(e.left+strings.Join(cells, e.between)+e.right, " ") + "\n"
}

// rule returns one of the rules of a table.
func (e *edges) rule(which int, columns []Column, widths []int) string {
	ends := e.rules[which]
	if ends == nil {
		return ""
	}
	var parts []string
	for i, n := range widths {
		dashes := strings.Repeat(e.dash, n+2)
		if columns[i].Right && e.colon != "" {
			dashes = dashes[len(e.colon):] + e.colon
		}
		parts = append(parts, dashes)
	}
	return ends[0] + strings.Join(parts, ends[1]) + ends[2] + "\n"
}

func (g *grid) row(row []any) error {
	if g.widths == nil && g.lines == nil {
		if g.first = append(g.first, slices.Clone(row)); len(g.first) < batch {
			return nil
		}
		return g.decide()
	}
	if g.lines != nil {
		return g.lines.row(row)
	}
	return g.write(g.cells(row))
}

func (g *grid) write(cells []string) error {
	_, err := g.w.WriteString(g.edges.line(g.table.fill(cells, g.widths, false)))
	return err
}

func (g *grid) end() error {
	if g.widths == nil && g.lines == nil {
		if err := g.decide(); err != nil {
			return err
		}
	}
	if g.lines != nil {
		return nil
	}
	_, err := g.w.WriteString(g.edges.rule(2, g.table.Columns, g.widths))
	return err
}

// decide looks at the first rows, and writes them.
func (g *grid) decide() error {
	for i, name := range g.columns {
		c := Column{Title: name}
		for _, row := range g.first {
			switch row[i].(type) {
			case nil, bool, time.Time:
			case string:
				if c.Cut = Behind; name == "path" || strings.HasSuffix(name, ".path") {
					c.Cut = Before
				}
			case []byte:
				c.Cut = Behind
			default:
				c.Right = true
			}
		}
		if g.edges.whole || g.width == 0 { // a row that comes later may be longer
			c.Cut = Whole
		}
		g.table.Columns = append(g.table.Columns, c)
	}
	for _, row := range g.first {
		g.table.Add(g.cells(row)...)
	}
	// Without any room left, lines are the only way.
	room := g.width
	if room > 0 {
		room = max(1, room-g.edges.room(len(g.columns)))
	}
	widths := g.table.fit(room)
	total := -len(gap)
	for _, n := range widths {
		total += n + len(gap)
	}
	if room > 0 && total > room {
		g.lines = newLines(g.w, g.columns)
		for _, row := range g.first {
			g.lines.row(row)
		}
		return nil
	}
	g.widths = widths
	g.w.WriteString(g.edges.rule(0, g.table.Columns, widths))
	titles := make([]string, len(g.columns))
	for i, name := range g.columns {
		titles[i] = g.cell(name)
	}
	g.write(titles)
	g.w.WriteString(g.edges.rule(1, g.table.Columns, widths))
	for _, row := range g.table.Rows {
		g.write(row)
	}
	g.first, g.table.Rows = nil, nil
	return nil
}

func (g *grid) cells(row []any) []string {
	cells := make([]string, len(row))
	for i, v := range row {
		cells[i] = g.cell(shown(g.columns[i], v))
	}
	return cells
}

func (g *grid) cell(text string) string {
	if g.edges.escape != nil {
		return g.edges.escape.Replace(text)
	}
	return text
}
