package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/engine"
	"phlb/runtime"
	"phlb/runtime/spelling"
	"phlb/scripts"
)

// asked is what the command line of phlb query says.
type asked struct {
	file         string // of the statement; "-" for standard input
	ql           bool
	list, schema bool
	params       []string // NAME=VALUE
	csv, tsv     bool
	null         bool
	box          bool
	markdown     bool
}

func (c *command) query() *cobra.Command {
	var a asked
	cmd := &cobra.Command{
		Use:   "query [STATEMENT | @QUESTION] [VALUE ...]",
		Short: "Ask the catalog in SQL.",
		Long: "Ask the catalog with one SQL statement that only reads, in the dialect of SQLite, or\n" +
			"with a question that is saved in a file NAME.sql: in the folder phlb/scripts of\n" +
			"your configuration, in that of the system, or in phlb itself. Nothing can be\n" +
			"changed. The catalog holds what the newest sealed snapshots say, also while a\n" +
			"backup runs.\n\n" +
			"phlb query --schema lists tables, views and functions, phlb query --list the saved\n" +
			"questions.\n\n" +
			"The values stand for ?, ?2 … in the statement, or for the parameters of a saved\n" +
			"question in its order, and --param NAME=VALUE for :NAME. A value never becomes part\n" +
			"of the statement. 4GiB is a number.",
		Example: `  phlb query "SELECT name, started, human(new_bytes) FROM snapshots ORDER BY started DESC LIMIT 10"
  phlb query "SELECT path, size FROM versions WHERE until = 0 AND size > ? ORDER BY size DESC" 1GiB
  phlb query -0 "SELECT path FROM versions WHERE path LIKE '%.iso'" | xargs -0 ls -ld
  phlb query --markdown "SELECT name, count(*) AS snapshots, sum(new_bytes) AS cost FROM snapshots GROUP BY name"
  phlb query "SELECT started, name, error FROM runs WHERE outcome = 'failed'"
  phlb query @kinds`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeQuestion,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case a.schema && len(args) > 1:
				return usagef("usage: phlb query --schema [TABLE]")
			case a.schema:
				return show.Schema(c.out(), strings.Join(args, ""), c.width(), c.json)
			case a.list && len(args) > 0:
				return usagef("usage: phlb query --list")
			case a.list:
				return c.listQuestions()
			}
			layout, err := c.layout(&a)
			if err != nil {
				return err
			}
			return c.ask(cmd.Context(), &a, args, layout)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&a.list, "list", false, "list the saved questions")
	flags.BoolVar(&a.schema, "schema", false, "describe what can be asked, or one TABLE or function")
	flags.StringVar(&a.file, "file", "", "read the statement from a file, or from standard input with -")
	flags.StringArrayVar(&a.params, "param", nil, "NAME=VALUE: what :NAME stands for in the statement")
	flags.BoolVar(&a.box, "box", false, "write a table with lines around it")
	flags.BoolVar(&a.markdown, "markdown", false, "write a table of Markdown")
	flags.BoolVar(&a.csv, "csv", false, "write comma-separated values")
	flags.BoolVar(&a.tsv, "tsv", false, "write tab-separated values")
	flags.BoolVarP(&a.null, "null", "0", false, "end rows with NUL, for xargs -0")
	flags.BoolVar(&a.ql, "ql", false, "the statement is one of QL, the language of the catalog's own database")
	return cmd
}

// layout returns how the rows are to be shown.
func (c *command) layout(a *asked) (show.Layout, error) {
	l := show.Layout{Mode: "table", Width: c.width()}
	chosen := 0
	for mode, is := range map[string]bool{
		"json": c.json, "csv": a.csv, "tsv": a.tsv, show.Null: a.null, "box": a.box, "markdown": a.markdown,
	} {
		if is {
			l.Mode = mode
			chosen++
		}
	}
	if chosen > 1 {
		return l, usagef("--json, --box, --markdown, --csv, --tsv and -0 exclude each other")
	}
	return l, nil
}

// ask shows what the catalog answers.
func (c *command) ask(ctx context.Context, a *asked, args []string, l show.Layout) error {
	statement, name, err := c.statement(a, &args)
	if err != nil {
		return err
	}
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = valueOf(arg)
	}
	named := map[string]any{}
	for _, p := range a.params {
		key, value, ok := strings.Cut(p, "=")
		if !ok || key == "" {
			return usagef("--param %s: write NAME=VALUE", p)
		}
		named[strings.TrimLeft(key, ":@$")] = valueOf(value)
	}
	if name == "" {
		name = "query"
	} else if values, named, err = bind(name, statement, values, named); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		values = append(values, sql.Named(name, named[name]))
	}
	e, err := c.engine(false)
	if err != nil {
		return err
	}
	if limit := c.ownLimits(e.Config).Time; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("the question was stopped after %v, the limit of --limit-time or of phlb.toml", limit))
		defer cancel()
	}
	query := e.Query
	if a.ql {
		query = e.QueryQL
	}
	err = c.answer(ctx, query, statement, values, l)
	if errors.Is(err, context.DeadlineExceeded) {
		err = context.Cause(ctx)
	}
	return show.StatementError(name, 1, err)
}

func (c *command) answer(ctx context.Context, query func(context.Context, string, ...any) (*engine.Answer, error), statement string, values []any, l show.Layout) error {
	answer, err := query(ctx, statement, values...)
	if err != nil {
		return err
	}
	defer answer.Close()
	_, _, err = show.Rows{Columns: answer.Columns, All: answer.All}.Write(c.out(), l)
	return err
}

// statement returns what is asked, and how that is called in messages: "" if it
// stands on the command line. It takes that from args.
func (c *command) statement(a *asked, args *[]string) (text, name string, err error) {
	first := strings.Join((*args)[:min(1, len(*args))], "")
	file := a.file
	if in, ok := c.stdin.(*os.File); file == "" && first == "" && !(ok && isTerminal(in)) {
		file = "-"
	}
	switch {
	case file == "" && first == "":
		return "", "", errWhich
	case file == "" && strings.HasPrefix(first, "@"):
		*args = (*args)[1:]
		n, err := findQuestion(first[1:])
		if err != nil {
			return "", "", err
		}
		source, err := n.source()
		return string(source), first[1:] + questionEnding, err
	case file == "":
		*args = (*args)[1:]
		return first, "", nil
	}
	if file == "-" {
		source, err := io.ReadAll(io.LimitReader(c.stdin, maxStatement+1))
		if len(source) > maxStatement {
			err = usagef("what stands on standard input is no statement: it is larger than %d MiB", maxStatement>>20)
		}
		if err == nil && strings.TrimSpace(string(source)) == "" {
			err = errWhich
		}
		return string(source), "stdin", err
	}
	source, err := runtime.ReadRegular(file)
	if err != nil {
		return "", "", usagef("no statement in %s: %v", file, cause(err))
	}
	return string(source), file, nil
}

var errWhich = usagef("which question? phlb query 'SELECT …'; phlb query --schema says what can be asked, phlb query --list what is saved")

// maxStatement is how large a statement may be.
const maxStatement = 1 << 20

// findQuestion returns the question that is saved under a name.
func findQuestion(name string) (named, error) {
	if strings.ContainsAny(name, `/\`) {
		return named{}, usagef("no question @%s: to ask what stands in a file, phlb query --file %[1]s", name)
	}
	n, err := findNamed(strings.TrimSuffix(name, questionEnding), questionEnding)
	if !errors.Is(err, fs.ErrNotExist) {
		return n, err
	}
	if near := spelling.Nearest(name, questionNames()); near != "" {
		return n, usagef("no question @%s: did you mean @%s?", name, near)
	}
	return n, usagef("no question @%s: phlb query --list lists those there are", name)
}

// questionNames lists the names of the saved questions.
func questionNames() (names []string) {
	for _, n := range allNamed(questionEnding) {
		names = append(names, n.name)
	}
	return names
}

// bind returns what is bound to the parameters of a question that was read from a
// file. One that does not say in its comments which it has takes them as they come.
func bind(name, text string, values []any, given map[string]any) ([]any, map[string]any, error) {
	q, err := scripts.ParseQuestion(strings.TrimSuffix(name, questionEnding), text)
	if err != nil {
		return nil, nil, usagef("%v", err)
	}
	if len(q.Params) == 0 {
		return values, given, nil
	}
	named, err := q.Bind(values, given, nil)
	if err != nil {
		return nil, nil, usagef("%v", err)
	}
	return nil, named, nil
}

// saved is what scripts ask for by the name of a question, see [builtins.Session].
func saved(name string, args []any, given, offered map[string]any) (string, map[string]any, error) {
	n, err := findQuestion(name)
	if err != nil {
		return "", nil, err
	}
	source, err := n.source()
	if err != nil {
		return "", nil, err
	}
	q, err := scripts.ParseQuestion(n.name, string(source))
	if err != nil {
		return "", nil, err
	}
	named, err := q.Bind(args, given, offered)
	return q.Text, named, err
}

// valueOf returns what a text of the command line stands for: a whole number, which
// may have a unit, a number or a text.
func valueOf(text string) any {
	digits, shift := text, 0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n, ok := strings.CutSuffix(text, unit); ok {
			digits, shift = n, 10*(i+1)
		}
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n<<shift>>shift == n && strconv.FormatInt(n, 10) == digits {
		return n << shift
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && strings.Trim(text, "-0123456789") == "." {
		return f
	}
	return text
}

func (c *command) listQuestions() error {
	type question struct {
		Name  string `json:"name"`
		Usage string `json:"usage"`
		Doc   string `json:"doc"`
		From  string `json:"from"` // "phlb", or the path of the file
	}
	all := []question{}
	for _, n := range allNamed(questionEnding) {
		source, err := n.source()
		if err == nil {
			var q *scripts.Question
			if q, err = scripts.ParseQuestion(n.name, string(source)); err == nil {
				all = append(all, question{n.name, q.Usage(), q.Doc, n.from()})
			}
		}
		if err != nil {
			c.warn("warning: %v", err)
		}
	}
	if c.json {
		return c.writeJSON(all)
	}
	t := show.Table{Columns: []show.Column{{Title: "QUESTION"}, {Title: "WHAT IT ASKS"}, {Title: "FROM", Drop: 1}}}
	for _, q := range all {
		t.Add(q.Usage, show.Printable(q.Doc), show.Printable(q.From))
	}
	return c.writeTable(&t)
}

// completeQuestion completes the name of a saved question, and of a backup behind it.
func completeQuestion(_ *cobra.Command, args []string, typed string) (found []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, noFile
	}
	for _, n := range allNamed(questionEnding) {
		if word := "@" + n.name; strings.HasPrefix(word, typed) && show.Printable(word) == word {
			found = append(found, cobra.CompletionWithDesc(word, show.Printable(n.from())))
		}
	}
	return found, noFile
}
