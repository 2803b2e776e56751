package repl

import "strings"

// scanSQL looks through a text of SQL. It returns how many bytes are a statement
// with its semicolon, 0 if it goes on behind the text; and where the quotation begins
// that the text ends in, -1 if it ends in none.
func scanSQL(text string) (length, open int) {
	for i := 0; i < len(text); {
		rest := text[i:]
		closing := ""
		switch {
		case rest[0] == ';':
			return i + 1, -1
		case strings.HasPrefix(rest, "--"):
			closing = "\n"
		case strings.HasPrefix(rest, "/*"):
			closing = "*/"
		case rest[0] == '\'', rest[0] == '"', rest[0] == '`':
			closing = rest[:1]
		case rest[0] == '[':
			closing = "]"
		default:
			i++
			continue
		}
		// What begins with two bytes ends behind them; a quotation mark within
		// quotation marks is written twice, which is two quotations to us.
		start := 1
		if closing == "\n" || closing == "*/" {
			start = 2
		}
		end := strings.Index(rest[start:], closing)
		if end < 0 {
			if start == 2 {
				return 0, -1
			}
			return 0, i
		}
		i += start + end + len(closing)
	}
	return 0, -1
}

// words takes apart what stands behind the name of a saved question: words with
// spaces between them, or with quotation marks around them.
func words(text string) (list []string) {
	var word strings.Builder
	quote, in := rune(0), false
	for _, c := range text {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, in = c, true
		case c == ' ' || c == '\t':
			if in || word.Len() > 0 {
				list = append(list, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(c)
		}
	}
	if in || word.Len() > 0 {
		list = append(list, word.String())
	}
	return list
}

// sqliteFunctions are those of SQLite's own that a question is likely to call.
var sqliteFunctions = []string{
	"abs", "avg", "coalesce", "count", "date", "datetime", "dense_rank", "first_value", "format", "glob", "group_concat", "hex",
	"iif", "ifnull", "instr", "julianday", "lag", "last_value", "lead", "length", "like", "lower", "ltrim", "max", "min", "nullif",
	"ntile", "printf", "rank", "replace", "round", "row_number", "rtrim", "strftime", "string_agg", "substr", "sum", "time", "total",
	"trim", "typeof", "unixepoch", "upper",
}

var sqlKeywords = []string{
	"SELECT", "EXPLAIN", "EXPLAIN QUERY PLAN", "WITH", "RECURSIVE", "VALUES", "FROM", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "OFFSET",
	"AS", "AND", "OR", "NOT", "IN", "LIKE", "GLOB", "REGEXP", "BETWEEN", "IS NULL", "IS NOT NULL", "EXISTS", "DISTINCT", "DESC", "ASC",
	"JOIN", "LEFT JOIN", "CROSS JOIN", "USING", "ON", "UNION", "UNION ALL", "EXCEPT", "INTERSECT", "CASE", "WHEN", "THEN", "ELSE", "END",
	"CAST", "COLLATE NOCASE", "OVER", "PARTITION BY", "FILTER",
}
