package ask

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite/vtab"
)

// A condition rules rows out before SQLite sees them. It may let through what
// SQLite, which looks again, does not, and never the other way round: where it
// is not certain what SQLite makes of a value, it does not come into being.
type condition func(c *cursor) bool

// comparisons are those that conditions are made of.
var comparisons = map[vtab.ConstraintOp]string{
	vtab.OpEQ: "=", vtab.OpGT: ">", vtab.OpGE: ">=", vtab.OpLT: "<", vtab.OpLE: "<=",
	vtab.OpLIKE: "like", vtab.OpGLOB: "glob",
}

// BestIndex writes down which comparisons Filter is told of, behind the name of the
// table: "versions path:= size:>". Whatever they are, all rows are read, and so a
// table is best read once, with the others looked up for each of its rows.
func (t *table) BestIndex(info *vtab.IndexInfo) error {
	plan := []string{t.of.Name}
	rows := t.session.expected(t.of)
	cost := rows
	for i := range info.Constraints {
		c := &info.Constraints[i]
		op := comparisons[c.Op]
		if op == "" || c.Column < 0 {
			continue
		}
		isArgument := c.Column >= len(t.of.Columns)
		switch {
		case isArgument && c.Op != vtab.OpEQ:
			continue
		case isArgument && !c.Usable: // a plan that could not be carried out
			cost *= 1e9
			continue
		case isArgument:
			c.Omit = true
		case !c.Usable || !t.session.mayFilter(t.columns[c.Column], op):
			continue
		case exact(t.columns[c.Column], op):
			c.Omit = true
			rows /= 8
		case op == "=":
			rows /= 16
		default:
			rows /= 4
		}
		c.ArgIndex = len(plan) - 1
		plan = append(plan, t.columns[c.Column].Name+":"+op)
	}
	info.IdxStr = strings.Join(plan, " ")
	info.EstimatedCost = cost
	info.EstimatedRows = int64(max(rows, 1))
	return nil
}

// conditions reads a plan, and returns the arguments of a function apart.
func (t *table) conditions(plan string, values []vtab.Value) (args arguments, list []condition, err error) {
	args = arguments{make([]any, len(t.of.Parameters)), map[string]any{}}
	for i, part := range strings.Fields(plan)[1:] {
		name, op, _ := strings.Cut(part, ":")
		n := slices.IndexFunc(t.columns, func(c Column) bool { return c.Name == name })
		if n < 0 || i >= len(values) {
			return args, nil, fmt.Errorf("the plan %q does not fit the table %s", plan, t.of.Name)
		}
		if n >= len(t.of.Columns) {
			args.of[n-len(t.of.Columns)] = values[i]
			continue
		}
		if op == "=" {
			args.equal[name] = values[i]
		}
		if t.positions == nil {
			continue
		}
		if exact(t.columns[n], op) {
			list = append(list, compareInt(t.positions[n], op, values[i]))
			continue
		}
		if t.positions[n] < 0 {
			continue
		}
		if holds := compare(t.columns[n], t.positions[n], op, values[i]); holds != nil {
			list = append(list, holds)
		}
	}
	return args, list, nil
}

// compare returns how a column compares with a value, nil where that is left to
// SQLite.
func compare(column Column, position int, op string, value vtab.Value) condition {
	if value, ok := value.(string); ok {
		if column.from != column.Name { // computed
			switch {
			case column.Name == "name":
				return compareName(position, op, value)
			case column.Name == "folder" && op == "=":
				return func(c *cursor) bool { return folderOf(c.stored(position).Text()) == value }
			}
			return nil
		}
		switch column.Type {
		case moment:
			return compareTime(position, op, value)
		case digestText:
			return compareDigest(position, op, value)
		}
		if column.Type == text {
			return compareText(position, op, value)
		}
	}
	return nil
}

// exact reports whether compareInt makes a comparison just as SQLite does, which
// need not look again then.
func exact(column Column, op string) bool {
	return column.Type == integer && column.from == column.Name && strings.IndexByte("=<>", op[0]) >= 0
}

// compareInt compares numbers with whatever they are to be compared with, by the
// rules of SQLite: a text that is a number is one, numbers come before texts, and
// these before blobs; NULL is neither more nor less than anything.
func compareInt(position int, op string, value vtab.Value) condition {
	order := func(int64) int { return -1 }
	switch v := value.(type) {
	case nil:
		return never
	case int64:
		order = func(n int64) int { return cmp.Compare(n, v) }
	case float64:
		order = func(n int64) int { return compareFloat(n, v) }
	case string:
		v = strings.Trim(v, " \t\n\v\f\r")
		if i, err := strconv.ParseInt(v, 10, 64); err == nil {
			order = func(n int64) int { return cmp.Compare(n, i) }
		} else if f, err := strconv.ParseFloat(v, 64); (err == nil || errors.Is(err, strconv.ErrRange)) && strings.Trim(v, "0123456789.eE+-") == "" {
			order = func(n int64) int { return compareFloat(n, f) }
		}
	}
	if position < 0 { // all are NULL
		return never
	}
	least, most := -1, 1 // of the orders that hold
	switch op {
	case "=":
		least, most = 0, 0
	case ">":
		least = 1
	case ">=":
		least = 0
	case "<":
		most = -1
	case "<=":
		most = 0
	}
	return func(c *cursor) bool {
		v := c.stored(position)
		if v.Null() {
			return false
		}
		o := order(v.Int())
		return least <= o && o <= most
	}
}

func never(*cursor) bool { return false }

// compareFloat compares without rounding the integer.
func compareFloat(n int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	if c := cmp.Compare(n, int64(f)); c != 0 {
		return c
	}
	return cmp.Compare(0, f-math.Trunc(f))
}

func compareText(position int, op, value string) condition {
	switch op {
	case "=":
		return func(c *cursor) bool { return c.stored(position).Text() == value }
	case ">", ">=":
		return func(c *cursor) bool { return c.stored(position).Text() >= value }
	case "<", "<=":
		return func(c *cursor) bool { return c.stored(position).Text() <= value }
	case "glob":
		if prefix := value[:wildcard(value, "*?[")]; prefix != "" {
			return func(c *cursor) bool { return strings.HasPrefix(c.stored(position).Text(), prefix) }
		}
	case "like":
		if prefix := value[:wildcard(value, "%_")]; prefix != "" {
			return func(c *cursor) bool { return hasPrefixFold(c.stored(position).Text(), prefix) }
		}
	}
	return nil
}

// wildcard returns where the first character of a pattern stands that does not
// stand for itself.
func wildcard(pattern, wild string) int {
	if at := strings.IndexAny(pattern, wild); at >= 0 {
		return at
	}
	return len(pattern)
}

// hasPrefixFold looks at the case of letters of ASCII as little as LIKE does. A
// prefix with others is cut before them: what SQLite makes of those that are not
// UTF-8 is its own affair.
func hasPrefixFold(s, prefix string) bool {
	for i := range len(prefix) {
		if prefix[i] >= 0x80 {
			return true
		}
		if i >= len(s) || lower(s[i]) != lower(prefix[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// compareName compares the name of a backup, which a version has by the snapshot
// that it began in.
func compareName(position int, op, value string) condition {
	if op != "=" {
		return nil
	}
	return func(c *cursor) bool {
		s := c.snapshotOf(c.stored(position).Int())
		return s != nil && s.name == value
	}
}

func compareDigest(position int, op, value string) condition {
	digest, err := hex.DecodeString(value)
	if op != "=" || err != nil {
		return nil
	}
	return func(c *cursor) bool { return string(c.stored(position).Blob()) == string(digest) }
}

// The first and the last second of years that are written with four digits.
const (
	yearZero     = -62167219200
	year9999Ends = 253402300799
)

// compareTime compares seconds, with one to spare.
func compareTime(position int, op, value string) condition {
	t, ok := partOfTime(value)
	if !ok {
		return nil
	}
	sec := t.Unix()
	var holds func(n int64) bool
	switch op {
	case ">", ">=":
		holds = func(n int64) bool { return n >= sec-1 }
	case "<", "<=":
		holds = func(n int64) bool { return n <= sec+1 }
	case "=":
		holds = func(n int64) bool { return n >= sec-1 && n <= sec+1 }
	default:
		return nil
	}
	return func(c *cursor) bool {
		v := c.stored(position)
		if v.Null() {
			return false
		}
		n, _ := v.Time()
		return holds(n) || n < yearZero || n > year9999Ends
	}
}

// partOfTime reads the beginning of a time as the tables have it: as a text, it
// comes before all times that are not before it.
func partOfTime(s string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", time.DateTime, timeLayout[:len(timeLayout)-1], timeLayout} {
		if len(s) == len(layout) {
			if t, err := time.Parse(layout, s); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}
