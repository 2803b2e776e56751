package ask

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/memory"
)

// Options are what a session takes from its surroundings.
type Options struct {
	Now  time.Time      // the present, for ago() and now(); zero asks the clock
	Zone *time.Location // that times are shown in; nil is the local one
	// Moment reads a time that somebody wrote, such as 2026-05-01 or 2days. Without
	// it, they are written as RFC 3339 has it.
	Moment func(text string) (time.Time, error)
	Memory uint64 // bytes that the process may have in use while a question is answered; 0 is no limit
}

// Session answers questions about a catalog as it was when the session began. It
// answers one question at a time.
type Session struct {
	options   Options
	reader    *qlfile.Reader
	slot      *slot
	conn      driver.Conn
	handle    *handle
	stored    []qlfile.Table
	snapshots map[int64]*snapshot

	ctx      context.Context     // of the question
	failed   error               // what a table or a function has met in it
	collates bool                // the question compares texts in a way of its own
	several  map[string]bool     // columns that it compares with several values
	reads    map[string][]string // the columns of tables that it reads
	copied   []string            // tables that were copied for it
	denied   string              // what it was refused
	scanned  int                 // how many times a table was read from its beginning
	asking   bool
	pattern  *regexp.Regexp // of the last call of regexp
}

// snapshot is what tables say of the snapshot that a row is of.
type snapshot struct {
	id          int64
	name, stamp string
	started     time.Time
	begun       string    // that, as tables have it
	next        *snapshot // of the same name, by number
}

// Open begins a session over what a reader reads. It closes the reader when it is
// closed, or fails to open.
func Open(reader *qlfile.Reader, o Options) (*Session, error) {
	s, err := connect(reader, o)
	if err != nil {
		return nil, err
	}
	if err = s.execute("PRAGMA query_only = ON"); err == nil {
		err = s.conn.(sqlite.AuthorizerRegisterer).RegisterAuthorizer(s.authorize)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("ask the catalog: %w", err)
	}
	return s, nil
}

// connect is Open for statements of ours, which may write.
func connect(reader *qlfile.Reader, o Options) (_ *Session, err error) {
	s := &Session{options: o, reader: reader, ctx: context.Background()}
	if s.options.Now.IsZero() {
		s.options.Now = time.Now()
	}
	if s.options.Zone == nil {
		s.options.Zone = time.Local
	}
	defer func() {
		if err != nil {
			s.Close()
			err = fmt.Errorf("ask the catalog: %w", err)
		}
	}()
	if s.stored, err = reader.Tables(); err != nil {
		return nil, err
	}
	if err = s.readSnapshots(); err != nil {
		return nil, err
	}
	if err = memory.LimitSQLite(o.Memory); err != nil {
		return nil, err
	}
	s.slot = takeSlot(s)
	// Double quotes are for names: a word that is none is no string.
	if s.conn, err = s.slot.driver.Open(":memory:?_dqs=0"); err != nil {
		return nil, err
	}
	if s.handle, err = handleOf(s.conn); err != nil {
		return nil, err
	}
	for _, t := range tables {
		if err = s.execute(t.definition()); err != nil {
			return nil, fmt.Errorf("make the table %s: %w", t.Name, err)
		}
	}
	return s, nil
}

// Close ends the session.
func (s *Session) Close() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
		s.conn = nil
	}
	if s.handle != nil {
		s.handle.close()
		s.handle = nil
	}
	if s.slot != nil {
		s.slot.release()
		s.slot = nil
	}
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
		s.reader = nil
	}
	return errors.Join(errs...)
}

// execute runs a statement of ours.
func (s *Session) execute(statement string) error {
	_, err := s.conn.(driver.ExecerContext).ExecContext(context.Background(), statement, nil)
	return err
}

// positions returns where columns stand in the rows of a table of the catalog, nil
// where that has no such table.
func (s *Session) positions(table string, columns []Column) []int {
	for _, t := range s.stored {
		if t.Name != table {
			continue
		}
		list := make([]int, len(columns))
		for i, c := range columns {
			list[i] = -1
			for n, has := range t.Columns {
				if has.Name == c.from {
					list[i] = n
				}
			}
		}
		return list
	}
	return nil
}

// readSnapshots reads what tables say of the snapshots that their rows are of.
func (s *Session) readSnapshots() error {
	s.snapshots = map[int64]*snapshot{}
	at := s.positions("snapshots", []Column{{from: "id"}, {from: "name"}, {from: "stamp"}, {from: "started"}})
	if at == nil {
		return nil
	}
	rows, err := s.reader.Rows("snapshots")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		one := &snapshot{
			id: rows.Column(at[0]).Int(), name: strings.Clone(rows.Column(at[1]).Text()), stamp: strings.Clone(rows.Column(at[2]).Text()),
		}
		sec, nsec := rows.Column(at[3]).Time()
		one.started = time.Unix(sec, int64(nsec))
		one.begun = textOfTime(one.started)
		s.snapshots[one.id] = one
	}
	last := map[string]*snapshot{}
	for _, id := range slices.Sorted(maps.Keys(s.snapshots)) {
		one := s.snapshots[id]
		if before := last[one.name]; before != nil {
			before.next = one
		}
		last[one.name] = one
	}
	return rows.Err()
}

// expected guesses how many rows a table has: of paths, there are more than of
// anything else.
func (s *Session) expected(t *Table) float64 {
	if t.from == "versions" || t.made != nil {
		return 1e6
	}
	return 1e3
}

// mayFilter reports whether a comparison of a column may be made before SQLite
// makes it. To compare with several values, SQLite would read the table once for
// each of them.
func (s *Session) mayFilter(c Column, op string) bool {
	if op == "=" && s.several[c.Name] {
		return false
	}
	return c.Type == integer || c.declared() == text && !s.collates
}

// A slot is a driver with the tables and functions of one session after another:
// what a driver has, it has for ever.
type slot struct {
	driver  sqlite.Driver
	session *Session
}

var slots struct {
	sync.Mutex
	free []*slot
}

func takeSlot(s *Session) *slot {
	slots.Lock()
	defer slots.Unlock()
	var one *slot
	if last := len(slots.free) - 1; last >= 0 {
		one, slots.free = slots.free[last], slots.free[:last]
	} else {
		one = &slot{}
		one.register()
	}
	one.session = s
	return one
}

func (one *slot) release() {
	slots.Lock()
	defer slots.Unlock()
	one.session = nil
	slots.free = append(slots.free, one)
}

func (one *slot) register() {
	for i := range tables {
		t := &tables[i]
		if t.view != "" {
			continue
		}
		if err := one.driver.RegisterModule(t.module(), &module{one, t}); err != nil {
			panic(err) // two tables of one name
		}
	}
	for _, f := range functions {
		one.registerFunction(f)
	}
}

// module is the name by which SQLite knows who makes the table.
func (t *Table) module() string { return "phlb_" + t.Name }

// definition is the statement that makes the table known to a session.
func (t *Table) definition() string {
	if t.view != "" {
		return "CREATE VIEW " + quoted(t.Name) + " AS " + t.view
	}
	return "CREATE VIRTUAL TABLE " + quoted(t.Name) + " USING " + t.module()
}
