package qlfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"

	"modernc.org/lldb"
	"modernc.org/ql"
)

var (
	begin    = ql.MustCompile("BEGIN TRANSACTION;")
	commit   = ql.MustCompile("COMMIT;")
	rollback = ql.MustCompile("ROLLBACK;")
)

// Statement is a list of statements of QL's.
type Statement = ql.List

// Compile compiles statements, which must be right.
func Compile(text string) Statement { return ql.MustCompile(text) }

// Tx is a transaction, see [File.Update].
type Tx struct {
	db *database
	ql *ql.TCtx
}

// Exec runs statements.
func (tx *Tx) Exec(list ql.List, args ...any) error { return tx.db.exec(tx.ql, list, args...) }

// Inserted returns the id() of the row that was inserted last. QL numbers those
// of a transaction one after the other.
func (tx *Tx) Inserted() int64 { return tx.ql.LastInsertID }

// A database is a file that QL has open. Any number of scans may go on at once,
// but nothing beside an update; the catalog sees to that.
type database struct {
	pages  *pages
	ql     *ql.DB
	tx     *Tx
	failed error // why it cannot be used any more
}

// openDatabase opens what is in p; nothing becomes an empty database. QL puts
// its log and its temporary files into dir.
func openDatabase(p *pages, dir string) (*database, error) {
	d := &database{pages: p}
	d.tx = &Tx{d, ql.NewRWCtx()}
	err := p.guard(nil, func() (err error) {
		d.ql, err = ql.OpenFile(filepath.Join(dir, filepath.Base(p.Name())), &ql.Options{
			FileFormat:           2,
			OSFile:               p,
			NoStatementAtomicity: true, // a failed statement rolls all back anyway
			RemoveEmptyWAL:       true,
			TempFile: func(_, _ string) (lldb.OSFile, error) {
				return os.CreateTemp(dir, "sort-*")
			},
		})
		return err
	})
	if err != nil && !p.looked && p.ofQL() {
		// QL could not make its own files, and has nothing read yet.
		return nil, fmt.Errorf("%w: %w", ErrPrivate, err)
	}
	if err != nil {
		return nil, d.damaged(err)
	}
	return d, nil
}

// close makes QL let go of the file, and leaves that open.
func (d *database) close() error {
	if d.failed != nil {
		return nil // QL may hold a lock that it waits for
	}
	d.failed = ErrClosed
	return d.pages.guard(nil, d.ql.Close)
}

// release closes all.
func (d *database) release() error { return errors.Join(d.close(), d.pages.release()) }

// Failed returns why the file is no state to go on from, nil if it is one.
func (d *database) Failed() error { return d.failed }

// Update runs f in a transaction. After any error nothing of it is left.
func (d *database) Update(f func(tx *Tx) error) error {
	if d.failed != nil {
		return d.failed
	}
	finished := false
	err := d.pages.guard(nil, func() error {
		if err := d.tx.Exec(begin); err != nil {
			return err
		}
		err := f(d.tx)
		if err == nil {
			if err = d.tx.Exec(commit); err != nil {
				return err
			}
		} else if err2 := d.tx.Exec(rollback); err2 != nil {
			return errors.Join(err, err2)
		}
		finished = true
		return err
	})
	if !finished {
		err = d.unread(err)
		d.failed = err // whatever it is in now, it is no state to go on from
	}
	return err
}

// exec runs statements within a transaction.
func (d *database) exec(tx *ql.TCtx, list ql.List, args ...any) error {
	_, _, err := d.ql.Execute(tx, list, args...)
	return d.damaged(err)
}

// Select calls f with every row of a statement until f returns false or an error.
func (d *database) Select(ctx context.Context, list ql.List, args []any, f func(row []any) (bool, error)) error {
	if d.failed != nil {
		return d.failed
	}
	// More rows than the file has room for are a chain that bites its tail.
	limit := d.pages.size/32 + 1024
	outside := false
	var own error
	err := d.pages.guard(&outside, func() error {
		sets, _, err := d.ql.Execute(nil, list, args...)
		if err != nil {
			return err
		}
		n := int64(0)
		return sets[0].Do(false, func(row []any) (more bool, err error) {
			if n++; n%1024 == 0 {
				if n > limit {
					return false, ErrDamaged
				}
				if own = ctx.Err(); own != nil {
					return false, own
				}
			}
			outside = true
			more, own = f(row)
			outside = false
			return more, own
		})
	})
	if own != nil {
		return own
	}
	return d.damaged(err)
}

// Row returns the only row of a statement.
func (d *database) Row(list ql.List, columns int) ([]any, error) {
	var found []any
	err := d.Select(context.Background(), list, nil, func(row []any) (bool, error) {
		found = row
		return false, nil
	})
	if err == nil && len(found) != columns {
		err = ErrDamaged
	}
	return found, err
}

// damaged turns what QL says of a statement of ours into ErrDamaged: they are
// known to be right, and so it is something that was read and does not check.
// Errors of the system stay what they are.
func (d *database) damaged(err error) error {
	err = d.unread(err)
	var path *fs.PathError
	var link *os.LinkError
	var call *os.SyscallError
	var errno syscall.Errno
	if err == nil || errors.Is(err, ErrDamaged) || err == d.pages.failed || errors.As(err, &path) || errors.As(err, &link) || errors.As(err, &call) || errors.As(err, &errno) {
		return err
	}
	if d.pages.base == nil { // QL keeps only the text of some errors, and nothing was read
		return fmt.Errorf("%w: %w", ErrPrivate, err)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// unread returns why the file could not be read or written, where that is behind
// err: QL keeps only the text of some errors.
func (d *database) unread(err error) error {
	if err != nil && d.pages.failed != nil {
		return d.pages.failed
	}
	return err
}

// guard runs f, which calls QL, and turns a panic of QL's into an error. A
// panic of the caller's own code, which f flags by setting outside, goes on.
func (p *pages) guard(outside *bool, f func() error) (err error) {
	// QL maps its log: where the disk is full, writing to it is a fault.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if outside != nil && *outside {
			return
		}
		switch r := recover().(type) {
		case nil:
		case interface {
			runtime.Error
			Addr() uintptr
		}:
			err = &fs.PathError{Op: "write the temporary files of the catalog", Path: spelled(p.File.Name()), Err: syscall.ENOSPC}
		default:
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	return f()
}
