package repl

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/reeflective/readline"

	"phlb/builtins"
	"phlb/cmd/phlb/show"
	"phlb/engine/catalog/ask"
)

func (e *editor) completions(line []rune, cursor int) readline.Completions {
	text := string(line[:cursor])
	from, names := e.repl.complete(text, string(line[cursor:]))
	lead := ""
	if from == len(text) {
		// Where nothing is typed yet, the editor looks for what begins like all
		// that follows the last space.
		lead = text[strings.LastIndexAny(text, " \t\n")+1:]
	}
	var values []readline.Completion
	for _, name := range names {
		values = append(values, readline.Completion{Value: lead + name, Display: name})
	}
	done := readline.CompleteRaw(values)
	done.PREFIX = lead + text[from:]
	return done
}

// complete returns where the word begins that text ends in, and what it may
// become. What follows the cursor may say which tables are meant.
func (r *repl) complete(text, behind string) (from int, names []string) {
	s := statements{text: text}
	for { // the last statement counts
		if taken, _ := s.take(); taken == "" || strings.TrimSpace(s.text) == "" && !strings.HasSuffix(taken, "\n") {
			s.text = taken + s.text
			break
		}
	}
	start := len(text) - len(s.text)
	switch kindOf(s.text) {
	case dotted:
		from, names = r.completeDot(s.text)
	case saved:
		from, names = r.completeSaved(s.text)
	case selecting:
		from, names = r.completeSelect(s.text, behind)
	default:
		if at, ok := openString(s.text); ok {
			from, names = r.completeSnapshot(s.text, at)
		} else {
			from, names = r.REPL.Complete(s.text)
		}
	}
	return start + from, names
}

// startingWith filters and sorts.
func startingWith(prefix string, names []string) (found []string) {
	for _, name := range names {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (r *repl) completeDot(text string) (int, []string) {
	lead := len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	name, arg, ok := strings.Cut(text[lead:], " ")
	var names []string
	if !ok {
		for _, c := range dotCommands {
			names = append(names, c.name)
		}
		return lead, startingWith(name, names)
	}
	switch name {
	case ".mode":
		names = show.Modes
	case ".timer":
		names = []string{"on", "off"}
	case ".language":
		names = []string{builtins.SQL, builtins.QL}
	case ".schema":
		for _, t := range ask.Tables() {
			names = append(names, t.Name)
		}
		for _, f := range ask.Functions() {
			names = append(names, f.Name)
		}
	case ".load", ".save":
		dir, begun := filepath.Split(r.Engine.Expand(arg)) // and no pattern: one may match all there is
		found, _ := os.ReadDir(cmp.Or(dir, "."))
		for _, entry := range found {
			path := dir + entry.Name()
			info, err := os.Stat(path)
			switch {
			case err != nil || !strings.HasPrefix(entry.Name(), begun):
			case info.IsDir():
				names = append(names, path+"/")
			case name == ".save" || filepath.Ext(path) == ".star":
				names = append(names, path)
			}
		}
		return len(text) - len(arg), names
	}
	return len(text) - len(arg), startingWith(arg, names)
}

// completeSaved completes the name of a saved question, and those of backups behind
// it.
func (r *repl) completeSaved(text string) (int, []string) {
	at := strings.LastIndexAny(text, " \t@'\"") + 1
	if text[at-1] != '@' {
		return r.completeSnapshot(text, at-1)
	}
	return at, startingWith(text[at:], r.Questions())
}

func (r *repl) completeSelect(text, behind string) (int, []string) {
	if _, open := scanSQL(text); open >= 0 {
		return r.completeSnapshot(text, open)
	}
	from := strings.LastIndexFunc(text, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
	}) + 1
	prefix := text[from:]
	words := strings.FieldsFunc(text[:from], func(c rune) bool { return strings.ContainsRune(" \t\r\n,()", c) })
	if tablesFollow(words) {
		var names []string
		for _, t := range ask.Tables() {
			names = append(names, t.Name)
		}
		return from, startingWith(prefix, names)
	}
	if strings.HasSuffix(text[:from], ".") {
		owner := text[:from-1]
		owner = owner[strings.LastIndexAny(owner, " \t\r\n,(=<>!")+1:]
		return from, startingWith(prefix, columnsOf(tableCalled(owner, text+prefix+behind)))
	}
	var names []string
	for _, t := range ask.Tables() {
		if mentions(text[:from]+" "+behind, t.Name) {
			names = append(names, columnsOf(t.Name)...)
		}
	}
	if names == nil {
		names = columnsOf("")
	}
	for _, f := range ask.Functions() {
		names = append(names, f.Name+"(")
	}
	for _, f := range sqliteFunctions {
		names = append(names, f+"(")
	}
	return from, startingWith(prefix, append(names, sqlKeywords...))
}

// tablesFollow reports whether the last keyword of a statement is one that is
// followed by the names of tables.
func tablesFollow(words []string) bool {
	for _, word := range slices.Backward(words) {
		switch strings.ToUpper(word) {
		case "FROM", "JOIN":
			return true
		case "SELECT", "WHERE", "ON", "BY", "AND", "OR", "LIMIT", "AS":
			return false
		}
		if !slices.ContainsFunc(ask.Tables(), func(t ask.Table) bool { return t.Name == word }) {
			return false
		}
	}
	return false
}

// tableCalled returns the table that has that name in a statement.
func tableCalled(name, statement string) string {
	words := strings.FieldsFunc(statement, func(c rune) bool { return strings.ContainsRune(" \t\r\n,();", c) })
	for i := 2; i < len(words); i++ {
		if words[i] == name && strings.EqualFold(words[i-1], "AS") {
			return words[i-2]
		}
	}
	return name
}

func mentions(statement, name string) bool {
	return slices.Contains(strings.FieldsFunc(statement, func(c rune) bool { return strings.ContainsRune(" \t\r\n,();.", c) }), name)
}

// columnsOf returns the columns of a table, of all if there is none of that
// name: it may still have to be typed.
func columnsOf(table string) (names []string) {
	tables := ask.Tables()
	if i := slices.IndexFunc(tables, func(t ask.Table) bool { return t.Name == table }); i >= 0 {
		tables = tables[i : i+1]
	}
	for _, t := range tables {
		for _, c := range t.Columns {
			names = append(names, c.Name)
		}
	}
	return names
}

// openString returns where the string begins that a statement of a script ends
// in.
func openString(text string) (at int, open bool) {
	quote := ""
	for i := 0; i < len(text); i++ {
		switch {
		case quote != "" && text[i] == '\\':
			i++
		case quote != "" && strings.HasPrefix(text[i:], quote):
			i += len(quote) - 1
			quote = ""
		case quote != "":
		case text[i] == '#':
			if i += strings.IndexByte(text[i:]+"\n", '\n'); i >= len(text) {
				return 0, false
			}
		case text[i] == '"' || text[i] == '\'':
			quote, at = text[i:i+1], i
			if triple := strings.Repeat(quote, 3); strings.HasPrefix(text[i:], triple) {
				quote = triple
				i += 2
			}
		}
	}
	return at, quote != ""
}

// completeSnapshot completes the string that begins at a quote: backup names,
// and snapshots by NAME/STAMP.
func (r *repl) completeSnapshot(text string, at int) (int, []string) {
	from := at + 1
	all, err := r.Engine.Snapshots(r.ctx, "")
	if err != nil {
		return from, nil
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name, s.Name+"/latest", s.Ref().String())
	}
	return from, startingWith(text[from:], names)
}
