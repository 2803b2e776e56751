package show

import (
	"bufio"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"go.starlark.net/starlark"

	"phlb/builtins"
	"phlb/engine"
)

// Rows are rows to be shown. Values are those of the catalog's Rows.
type Rows struct {
	Columns []string
	All     iter.Seq2[[]any, error]
}

// Stream is a value of a script that is shown as it comes.
type Stream interface {
	All() iter.Seq2[starlark.Value, error]
}

// Layout is how rows are shown.
type Layout struct {
	Mode  string // one of Modes, or Null
	Width int    // of the terminal, 0 for any
	Most  int    // how many rows are shown before the others are only counted, 0 for all
}

// Modes are those of a layout that one can choose by name.
var Modes = []string{"table", "box", "markdown", "line", "json", "csv", "tsv"}

// Null is the mode for xargs -0.
const Null = "null"

// batch is how many rows decide how wide the columns of a table are.
const batch = 1000

// Write shows the rows, and returns how many there are and how many of them are
// not shown.
func (r Rows) Write(to io.Writer, l Layout) (total, hidden int, err error) {
	out := bufio.NewWriter(to)
	f := newForm(out, r.Columns, l)
	for row, err := range r.All {
		if err != nil {
			if hidden == 0 { // what has been read by then is shown
				f.end()
				out.Flush()
			}
			return total, hidden, err
		}
		if total++; l.Most > 0 && total > l.Most {
			if hidden++; hidden == 1 { // show what there is before counting the rest
				if err := errors.Join(f.end(), out.Flush()); err != nil {
					return total, hidden, err
				}
			}
			continue
		}
		if err := f.row(row); err != nil {
			return total, hidden, err
		}
	}
	if hidden == 0 {
		err = errors.Join(f.end(), out.Flush())
	}
	return total, hidden, err
}

// form writes rows in one of the modes.
type form interface {
	row([]any) error
	end() error
}

func newForm(w *bufio.Writer, columns []string, l Layout) form {
	switch l.Mode {
	case "json":
		return &objects{w: w, columns: columns}
	case "csv":
		c := &commas{w: csv.NewWriter(w)}
		c.w.Write(columns)
		return c
	case "tsv":
		s := &separated{w: w, ending: '\n', cell: escaped}
		titles := make([]any, len(columns))
		for i, c := range columns {
			titles[i] = c
		}
		s.row(titles)
		return s
	case Null:
		return &separated{w: w, ending: 0, cell: raw}
	case "line":
		return newLines(w, columns)
	case "markdown":
		return &grid{w: w, columns: columns, edges: &markdown}
	case "box":
		return &grid{w: w, columns: columns, width: l.Width, edges: &box}
	}
	return &grid{w: w, columns: columns, width: l.Width, edges: &plain}
}

// objects is a JSON array.
type objects struct {
	w       *bufio.Writer
	columns []string
	n       int
}

func (o *objects) row(row []any) error {
	values := make([]any, len(row))
	for i, v := range row {
		switch v := v.(type) {
		case []byte:
			values[i] = hex.EncodeToString(v)
		case time.Time:
			values[i] = builtins.Time(v)
		case time.Duration:
			values[i] = v.Seconds()
		case string:
			values[i] = engine.Text(v)
		default:
			values[i] = v
		}
	}
	object, err := builtins.Object(o.columns, values)
	if err != nil {
		return err
	}
	start := ",\n "
	if o.n == 0 {
		start = "[\n "
	}
	o.n++
	o.w.WriteString(start)
	_, err = o.w.Write(object)
	return err
}

func (o *objects) end() error {
	if o.n == 0 {
		_, err := o.w.WriteString("[]\n")
		return err
	}
	_, err := o.w.WriteString("\n]\n")
	return err
}

type commas struct{ w *csv.Writer }

func (c *commas) row(row []any) error {
	cells := make([]string, len(row))
	for i, v := range row {
		cells[i] = raw(v)
	}
	return c.w.Write(cells)
}

func (c *commas) end() error {
	c.w.Flush()
	return c.w.Error()
}

// separated is rows with tabs between the columns.
type separated struct {
	w      *bufio.Writer
	ending byte
	cell   func(any) string
}

func (s *separated) row(row []any) error {
	for i, v := range row {
		if i > 0 {
			s.w.WriteByte('\t')
		}
		s.w.WriteString(s.cell(v))
	}
	return s.w.WriteByte(s.ending)
}

func (s *separated) end() error { return nil }

// raw writes a value for programs: times in UTC, and nothing for NULL.
func raw(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return hex.EncodeToString(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}

// escaped is raw on one line and without tabs.
func escaped(v any) string {
	return strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`).Replace(raw(v))
}

// shown writes a value for people: times as those of their clock.
func shown(column string, v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case time.Time:
		return v.Local().Format(time.DateTime)
	case string:
		return Printable(v)
	case int64:
		if column = column[strings.LastIndex(column, ".")+1:]; column == "mode" {
			return fmt.Sprintf("%#o", v)
		}
	}
	return raw(v)
}

// lines is a line for each column, and an empty one between rows.
type lines struct {
	w       *bufio.Writer
	columns []string
	widest  int
	n       int
}

func newLines(w *bufio.Writer, columns []string) *lines {
	l := &lines{w: w, columns: columns}
	for _, c := range columns {
		l.widest = max(l.widest, runewidth.StringWidth(c))
	}
	return l
}

func (l *lines) row(row []any) error {
	if l.n++; l.n > 1 {
		l.w.WriteByte('\n')
	}
	for i, v := range row {
		l.w.WriteString(runewidth.FillLeft(l.columns[i], l.widest) + gap + shown(l.columns[i], v) + "\n")
	}
	return nil
}

func (l *lines) end() error { return nil }
