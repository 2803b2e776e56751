package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gobwas/glob"
)

// A Check is a question that phlb.toml has under [[check]]: it is asked after each
// backup of a name.
type Check struct {
	Name    string // glob of backup names; "" for all
	Query   string // SQL, or @NAME of a saved question
	Expect  Expectation
	Fail    bool   // the run ends with a status of its own, and removes nothing of that name
	Message string // says what is wrong where the expectation is not met; "" for the question itself
}

// Of reports whether the check is about backups of a name.
func (c *Check) Of(name string) bool {
	if c.Name == "" {
		return true
	}
	g, err := glob.Compile(c.Name)
	return err == nil && g.Match(name)
}

// An Expectation is what the answer to a question is to be: no rows at all, some, or
// a comparison that the first value of the first row meets. Nothing to compare, which
// is no row or NULL, meets every comparison, as it does in a CHECK of SQL.
type Expectation struct {
	text  string // as it was written; "" is that there are no rows
	op    string // of a comparison; "" for none
	value any    // what is compared with: a float64 or a string
}

// The expectations that are no comparisons.
const (
	expectNone = "none"
	expectSome = "some"
)

var comparison = regexp.MustCompile(`^(<=|>=|==|!=|=|<|>)\s*(.+)$`)

// ParseExpectation reads "none", "some", a comparison such as "< 0.3" or "== ok", or
// a number or another text, which stand for what is to be equal.
func ParseExpectation(v any) (Expectation, error) {
	switch v := v.(type) {
	case nil:
		return Expectation{}, nil
	case bool: // SQL has numbers instead
		n := 0.0
		if v {
			n = 1
		}
		return Expectation{text: strconv.FormatBool(v), op: "==", value: n}, nil
	case int64:
		return Expectation{text: fmt.Sprint("== ", v), op: "==", value: float64(v)}, nil
	case float64:
		return Expectation{text: fmt.Sprint("== ", v), op: "==", value: v}, nil
	case string:
		text := strings.TrimSpace(v)
		if text == "" || text == expectNone || text == expectSome {
			return Expectation{text: text}, nil
		}
		e := Expectation{text: text, op: "==", value: text}
		if found := comparison.FindStringSubmatch(text); found != nil {
			if e.op, e.value = found[1], found[2]; e.op == "=" {
				e.op = "=="
			}
		}
		if n, err := strconv.ParseFloat(e.value.(string), 64); err == nil {
			e.value = n
		}
		if _, isText := e.value.(string); isText && e.op != "==" && e.op != "!=" {
			return e, fmt.Errorf("%q compares with %q, which is no number", text, e.value)
		}
		return e, nil
	}
	return Expectation{}, errors.New(`want "none", "some", a number or a comparison such as "< 0.3"`)
}

// String returns what was expected, as it would be written.
func (e Expectation) String() string {
	if e.text == "" {
		return expectNone
	}
	return e.text
}

// OnlyRows reports whether it matters how many rows there are, and not what is in
// them.
func (e Expectation) OnlyRows() bool { return e.op == "" }

// Met reports whether an answer of so many rows, the first value of which is that, is
// what was expected.
func (e Expectation) Met(rows int64, first any) bool {
	switch {
	case e.op == "" && e.text == expectSome:
		return rows > 0
	case e.op == "":
		return rows == 0
	case rows == 0 || first == nil:
		return true
	}
	number := 0.0
	switch v := first.(type) {
	case int64:
		number = float64(v)
	case float64:
		number = v
	default:
		equal := fmt.Sprint(first) == fmt.Sprint(e.value)
		return equal == (e.op != "!=")
	}
	want, ok := e.value.(float64)
	if !ok {
		return e.op == "!="
	}
	switch e.op {
	case "==":
		return number == want
	case "!=":
		return number != want
	case "<":
		return number < want
	case "<=":
		return number <= want
	case ">":
		return number > want
	}
	return number >= want
}

// checkTable is the list of tables of checks.
const checkTable = "check"

// checks reads [[check]]. It returns what is wrong, by the number of the table.
func (d *document) checks(values map[string]any) map[int]error {
	v, ok := values[checkTable]
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return map[int]error{0: errors.New("write [[check]], with two brackets: there may be several")}
	}
	problems := map[int]error{}
	for i, v := range list {
		table, ok := v.(map[string]any)
		if !ok {
			problems[i] = fmt.Errorf("want a table, not %s", kind(v))
			continue
		}
		c, err := checkOf(table)
		if err != nil {
			problems[i] = err
			continue
		}
		d.cfg.Checks = append(d.cfg.Checks, c)
	}
	return problems
}

func checkOf(table map[string]any) (c Check, err error) {
	texts := map[string]*string{"name": &c.Name, "query": &c.Query, "message": &c.Message}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		value := table[key]
		switch to := texts[key]; {
		case to != nil:
			*to, err = stringValue(value)
		case key == "expect":
			c.Expect, err = ParseExpectation(value)
		case key == "fail":
			is, ok := value.(bool)
			if c.Fail = is; !ok {
				err = errors.New("want true or false")
			}
		default:
			err = errors.New("unknown key: a check has name, query, expect, fail and message")
		}
		if err != nil {
			return c, fmt.Errorf("%s = %s: %w", key, literal(value), err)
		}
	}
	if strings.TrimSpace(c.Query) == "" {
		return c, errors.New(`want a query: query = "SELECT …" or "@NAME" of a saved question`)
	}
	if _, err := glob.Compile(c.Name); err != nil {
		return c, fmt.Errorf("name = %q: %w", c.Name, err)
	}
	return c, nil
}

// lineOfCheck returns the line of the check of a number, 0 where that cannot be told.
func lineOfCheck(data []byte, number int) int {
	all, _ := statements(data) // without any, the file is named alone
	for _, s := range all {
		if !s.header || len(s.path) != 1 || s.path[0] != checkTable {
			continue
		}
		if number == 0 {
			return 1 + bytes.Count(data[:s.start], []byte("\n"))
		}
		number--
	}
	return 0
}
