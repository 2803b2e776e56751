package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"

	"phlb/builtins"
)

// writeTable writes a script's table: figures for people, who ask for JSON where
// they need the exact ones.
func (c *command) writeTable(rows *builtins.Table) error {
	c.returned = rows
	if rows.Len() == 0 {
		if !c.session.Stale() { // which is told apart
			c.info("nothing to show")
		}
		return nil
	}
	var t table
	t.rows = make([][]string, rows.Len())
	for i, name := range rows.Columns {
		shown := column{title: strings.ToUpper(strings.ReplaceAll(name, "_", " ")), words: isWord(name)}
		if i > 0 && name != "path" {
			shown.drop = len(rows.Columns) - i
		}
		for j := range rows.Len() {
			v, err := rows.Cell(rows.Index(j), name)
			if err != nil {
				return err
			}
			t.rows[j] = append(t.rows[j], cell(name, v))
			switch v.(type) {
			case starlark.Int, starlark.Float, startime.Duration:
				shown.right = true
			case starlark.String, starlark.Iterable:
				shown.cut = cutOf(name)
			}
		}
		t.columns = append(t.columns, shown)
	}
	return c.writeColumns(&t)
}

// writeColumns writes a table to stdout.
func (c *command) writeColumns(t *table) error {
	t.colours = coloured(c.stdout)
	return t.write(c.out(), c.width())
}

// isWord reports whether a column is one of words that have colours.
func isWord(column string) bool {
	return slices.Contains([]string{"what", "action", "ok", "status"}, column)
}

func cutOf(column string) cut {
	switch {
	case isWord(column):
		return whole
	case column == "path", column == "before", strings.HasSuffix(column, "_path"):
		return before
	}
	return behind
}

// isSize reports whether a column holds numbers of bytes.
func isSize(column string) bool {
	for _, word := range []string{"size", "bytes"} {
		if column == word || strings.HasSuffix(column, "_"+word) {
			return true
		}
	}
	return column == "freed"
}

// cell returns what stands under a column for v.
func cell(column string, v starlark.Value) string {
	switch v := v.(type) {
	case starlark.NoneType:
		return ""
	case starlark.Bool:
		if v {
			return "yes"
		}
		return "no"
	case starlark.Int:
		n, ok := v.Int64()
		switch {
		case !ok:
			return v.String()
		case isSize(column) && n >= 0:
			return humanize.IBytes(uint64(n))
		case column == "mode":
			return "0" + strconv.FormatInt(n, 8)
		}
		return humanize.Comma(n)
	case starlark.Float:
		return strconv.FormatFloat(float64(v), 'g', 6, 64)
	case startime.Time:
		return minute(time.Time(v))
	case startime.Duration:
		if column == "age" {
			return age(time.Duration(v))
		}
		return clock(time.Duration(v))
	case starlark.String:
		return printable(string(v))
	case starlark.Iterable:
		var parts []string
		for element := range starlark.Elements(v) {
			parts = append(parts, cell(column, element))
		}
		return strings.Join(parts, ", ")
	}
	return printable(v.String())
}

// minute writes a time as people tell it.
func minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
