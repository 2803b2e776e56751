package ask

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"phlb/engine/catalog/ask/statement"
	"phlb/engine/memory"
)

// Rows is the answer to a question.
type Rows struct {
	session *Session
	text    string
	columns []string
	rows    driver.Rows
	stop    []func()
}

// Query asks one statement that reads: SELECT, WITH, VALUES or EXPLAIN. Arguments
// are bound to ?, ?1 and $1 by their number, and to :name, @name and $name where
// they are [sql.NamedArg]. They are nil, or of Go's types of numbers, texts, bytes,
// bool, [time.Time] and [time.Duration], which is a number of seconds.
//
// To cancel ctx ends the question with the error of ctx, also while SQLite sorts. One that
// exceeds [Options.Memory] ends with [memory.ErrTooMuch].
// What is wrong with the statement is an [*Error]. The caller closes the rows, and
// asks the next question after that.
func (s *Session) Query(ctx context.Context, statement string, args ...any) (_ *Rows, err error) {
	if s.conn == nil {
		return nil, errors.New("ask the catalog: the session is closed")
	}
	if s.asking {
		return nil, errors.New("ask the catalog: the rows of the question before are still open")
	}
	ctx, stop := memory.Limit(ctx, s.options.Memory)
	s.asking, s.ctx, s.failed = true, ctx, nil
	r := &Rows{session: s, text: statement, stop: []func(){stop}}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	forget := context.AfterFunc(ctx, s.handle.interrupt)
	r.stop = append(r.stop, func() { forget() })
	length, values, err := s.examine(statement, args)
	if err != nil {
		return nil, err
	}
	if err := s.copyRepeated(ctx, statement[:length], values); err != nil {
		return nil, r.cause(err)
	}
	r.rows, err = s.conn.(driver.QueryerContext).QueryContext(ctx, statement[:length], values)
	if err != nil {
		return nil, r.cause(err)
	}
	r.columns = r.rows.Columns()
	return r, nil
}

// Columns returns the names of the columns. One that is computed and has no name
// is called by the words that say how.
func (r *Rows) Columns() []string { return r.columns }

// All returns the rows, and closes the answer. Values are nil, int64, float64,
// string, []byte or, for a time as the tables have it, [time.Time]. An error ends
// it.
func (r *Rows) All() iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		defer r.Close()
		if r.rows == nil {
			yield(nil, errors.New("ask the catalog: the rows are closed"))
			return
		}
		row := make([]driver.Value, len(r.columns))
		for {
			err := r.rows.Next(row)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, r.cause(err))
				return
			}
			values := make([]any, len(row))
			for i, v := range row {
				values[i] = v
				if s, ok := v.(string); ok {
					if t, ok := timeOfText(s); ok {
						values[i] = t.In(r.session.options.Zone)
					}
				}
			}
			if !yield(values, nil) {
				return
			}
		}
	}
}

// Close ends the answer. Closing it twice does nothing.
func (r *Rows) Close() error {
	if r.session == nil {
		return nil
	}
	var err error
	if r.rows != nil {
		err = r.rows.Close()
		r.rows = nil
	}
	for _, stop := range slices.Backward(r.stop) {
		stop()
	}
	err = errors.Join(err, r.session.dropCopies())
	r.session.asking, r.session.ctx = false, context.Background()
	r.session = nil
	return err
}

// cause returns why the question ended: the context, what a table met, or what
// SQLite says.
func (r *Rows) cause(err error) error {
	s := r.session
	var of *sqlite.Error
	switch {
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	case s.failed != nil:
		return s.failed
	case s.options.Memory > 0 && errors.As(err, &of) && of.Code() == sqlite3.SQLITE_NOMEM:
		return memory.Exceeded(s.options.Memory)
	}
	return &Error{Statement: r.text, At: -1, Msg: messageOf(err)}
}

// messageOf returns what SQLite itself says, without what the driver adds.
func messageOf(err error) string {
	msg := err.Error()
	if i := strings.LastIndex(msg, " ("); i > 0 {
		msg = msg[:i]
	}
	for _, kind := range []string{"SQL logic error: ", "authorization denied: ", "attempt to write a readonly database: "} {
		msg = strings.TrimPrefix(msg, kind)
	}
	return msg
}

// An Error is what is wrong with a question.
type Error = statement.Error

// ErrReadOnly says that a question is not one statement that reads.
var ErrReadOnly = statement.ErrReadOnly

// Optional is a named value that a statement need not have a place for.
type Optional sql.NamedArg

// bindings returns what is bound to the parameters of a statement.
func bindings(parameters []string, args []any) ([]driver.NamedValue, error) {
	list := make([]driver.NamedValue, len(args))
	used := make([]bool, len(args))
	offered := map[string]bool{}
	for i, arg := range args {
		list[i].Ordinal = i + 1
		optional, may := arg.(Optional)
		if may {
			arg, offered[optional.Name] = sql.NamedArg(optional), true
		}
		if named, ok := arg.(sql.NamedArg); ok {
			list[i].Name, arg = strings.TrimLeft(named.Name, ":@$"), named.Value
		}
		var err error
		if list[i].Value, err = valueOf(arg); err != nil {
			return nil, fmt.Errorf("value %d: %w", i+1, err)
		}
	}
	for i, name := range parameters {
		n := i // where a value is looked for, beside its name
		if name != "" {
			var err error
			if n, err = strconv.Atoi(name[1:]); err != nil {
				n = 0
			}
			n--
		}
		at := slices.IndexFunc(list, func(v driver.NamedValue) bool { return name != "" && v.Name == name[1:] })
		switch {
		case at >= 0:
			used[at] = true
		case n >= 0 && n < len(list) && list[n].Name == "":
			used[n] = true
		case name == "":
			return nil, fmt.Errorf("the statement needs a value for parameter %d, and was given %d", i+1, len(list))
		default:
			return nil, fmt.Errorf("the statement needs a value for %s", name)
		}
	}
	bound := list[:0:0]
	for i, v := range list {
		switch {
		case used[i]:
			bound = append(bound, v)
		case offered[v.Name]:
		case v.Name != "":
			return nil, fmt.Errorf("the statement has no place for %s: write :%[1]s there", v.Name)
		default:
			return nil, fmt.Errorf("the statement has no place for value %d: write ? there", i+1)
		}
	}
	return bound, nil
}

// valueOf returns what SQLite takes in the place of a value of Go.
func valueOf(v any) (driver.Value, error) {
	switch v := v.(type) {
	case time.Time:
		return textOfTime(v), nil
	case time.Duration:
		return v.Seconds(), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}
