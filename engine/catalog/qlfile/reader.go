package qlfile

import (
	"errors"
	"sync"
)

// Reader reads rows of a database that nobody changes. Its methods may be called
// from several goroutines, and so may those of several [Rows].
type Reader struct {
	layers *layers

	mu   sync.Mutex
	rows *scanner // for rows that are asked for one by one; made when the first is
}

// OpenReader opens a published file to be read, whatever takes its place. The
// caller closes the reader.
func OpenReader(path string) (*Reader, error) {
	file, err := openFile(path)
	if err != nil {
		return nil, err
	}
	base, err := openPacked(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Reader{layers: &layers{base: base, size: base.size}}, nil
}

// Reader returns what the file holds now, without a copy of it. It is good until
// it is closed or the file is published, whatever is changed meanwhile, and
// outlives the file.
func (f *File) Reader() (*Reader, error) {
	if f.failed != nil {
		return nil, f.failed
	}
	l, err := f.pages.freeze()
	if err != nil {
		return nil, err
	}
	return &Reader{layers: &l}, nil
}

// Close ends the reader.
func (r *Reader) Close() error { return r.layers.release() }

// Tables returns the tables.
func (r *Reader) Tables() ([]Table, error) { return r.layers.tables() }

// Rows returns the rows of a table. The caller closes them.
func (r *Reader) Rows(table string) (*Rows, error) { return r.layers.rows(table) }

// Row calls f with the columns of the row of a handle, see [Rows.Handle], that
// are good until f returns. What f is called with if no row has that handle can
// be anything.
func (r *Reader) Row(handle int64, f func(row *Values) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows == nil {
		r.rows = newScanner(r.layers)
		r.rows.lead = 0 // one row says nothing of the next one
	}
	row, err := r.rows.record(offset(handle))
	if err != nil {
		return err
	}
	row.Int()
	row.Int()
	if row.bad {
		return row.Err()
	}
	return f(&row)
}

// Rows returns the rows of a table as they are now, with what was changed. The
// caller closes them before more is changed.
func (d *database) Rows(table string) (*Rows, error) {
	if d.failed != nil {
		return nil, d.failed
	}
	return d.pages.rows(table)
}

// Tables returns the tables.
func (d *database) Tables() ([]Table, error) {
	if d.failed != nil {
		return nil, d.failed
	}
	return d.pages.tables()
}
