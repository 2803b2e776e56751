package scripts

import (
	"cmp"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Question is one that is saved in a file NAME.sql: a statement of SQL with
// comment lines above it. The first one says what it asks, and every one that
// begins with the name of a parameter what that is:
//
//	-- What the snapshots of a backup have cost, by day.
//	-- :name='%' backup name, a pattern of LIKE; all by default
//	-- :days     how many days to look back
//	SELECT …
//
// What stands behind = is the value if none is given: a text in single quotes, a
// number, or NULL.
type Question struct {
	Name   string
	Doc    string // the first line
	Params []Param
	Text   string // the file, which can be asked as it is
}

// A Param is a parameter of a question, which stands there as :NAME.
type Param struct {
	Name, Doc string
	Optional  bool
	Default   any // nil, int64, float64 or string, if it is optional
}

// String returns how a user gives it.
func (p Param) String() string {
	if p.Optional {
		return "[" + p.Name + "]"
	}
	return p.Name
}

// Usage returns what stands behind the name of the question on a command line.
func (q *Question) Usage() string {
	words := []string{"@" + q.Name}
	for _, p := range q.Params {
		words = append(words, p.String())
	}
	return strings.Join(words, " ")
}

// Questions lists the names of the questions that come with phlb, sorted.
func Questions() []string {
	files, _ := fs.Glob(FS, "*.sql") // fails only for a bad pattern
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, ".sql")
	}
	return files
}

var paramLine = regexp.MustCompile(`^:([A-Za-z_]\w*)(?:=('(?:[^']|'')*'|[^\s']\S*))?(?:\s+(.*))?$`)

// ParseQuestion reads what the comments of a question say.
func ParseQuestion(name, text string) (*Question, error) {
	q := &Question{Name: name, Text: text}
	for line := range strings.Lines(text) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "--")
		if !ok {
			break
		}
		line = strings.TrimSpace(line)
		if q.Doc == "" {
			q.Doc = line
			continue
		}
		if !strings.HasPrefix(line, ":") {
			continue
		}
		found := paramLine.FindStringSubmatch(line)
		if found == nil {
			return nil, fmt.Errorf("question %s: %q is no parameter: write -- :NAME or -- :NAME=DEFAULT, and what it is", name, line)
		}
		p := Param{Name: found[1], Doc: found[3], Optional: found[2] != ""}
		if p.Optional {
			var err error
			if p.Default, err = literal(found[2]); err != nil {
				return nil, fmt.Errorf("question %s: parameter %s: %w", name, p.Name, err)
			}
		}
		if slices.ContainsFunc(q.Params, func(o Param) bool { return o.Name == p.Name }) {
			return nil, fmt.Errorf("question %s: there are two parameters %s", name, p.Name)
		}
		q.Params = append(q.Params, p)
	}
	q.Doc = cmp.Or(q.Doc, "(a first line -- … would say here what it asks)")
	return q, nil
}

// literal reads a default.
func literal(text string) (any, error) {
	if text[0] == '\'' {
		return strings.ReplaceAll(text[1:len(text)-1], "''", "'"), nil
	}
	if strings.EqualFold(text, "null") {
		return nil, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f, nil
	}
	return nil, fmt.Errorf("%s is neither a number nor NULL nor a text in single quotes", text)
}

// Bind returns the values of the parameters by their names: those of given first, then
// those that are offered in case that there are such parameters, then args one after
// the other for the others, then the defaults.
func (q *Question) Bind(args []any, given, offered map[string]any) (map[string]any, error) {
	bound := map[string]any{}
	for name, value := range given {
		if !slices.ContainsFunc(q.Params, func(p Param) bool { return p.Name == name }) {
			return nil, fmt.Errorf("question %s has no parameter %s: phlb query %s", q.Name, name, q.Usage())
		}
		bound[name] = value
	}
	for _, p := range q.Params {
		_, has := bound[p.Name]
		value, isOffered := offered[p.Name]
		switch {
		case has:
		case isOffered:
			bound[p.Name] = value
		case len(args) > 0:
			bound[p.Name], args = args[0], args[1:]
		case p.Optional:
			bound[p.Name] = p.Default
		default:
			return nil, fmt.Errorf("question %s needs %s, %s: phlb query %s", q.Name, p.Name, cmp.Or(p.Doc, "a value"), q.Usage())
		}
	}
	if len(args) > 0 {
		return nil, fmt.Errorf("question %s has no place for %v: phlb query %s", q.Name, args[0], q.Usage())
	}
	return bound, nil
}
