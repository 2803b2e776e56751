package ask

import (
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"math/bits"
	"reflect"
	"sync"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// A handle is a connection as the C interface of SQLite knows it, for what the
// driver does not pass on: where in a statement a mistake is, where the statement
// ends, and to interrupt it after its first row as well.
type handle struct {
	db  uintptr
	tls *libc.TLS

	mu     sync.Mutex // held while another goroutine interrupts
	closed bool
}

func handleOf(c driver.Conn) (*handle, error) {
	field := reflect.Indirect(reflect.ValueOf(c)).FieldByName("db")
	if !field.IsValid() || !field.CanUint() {
		return nil, errors.New("modernc.org/sqlite has changed: its connection has no handle")
	}
	h := &handle{db: uintptr(field.Uint()), tls: libc.NewTLS()}
	sqlite3.Xsqlite3_limit(h.tls, h.db, sqlite3.SQLITE_LIMIT_LENGTH, longestValue)
	return h, nil
}

// longestValue is how many bytes a text or a blob may have: several of them are
// in memory at a time.
const longestValue = 16 << 20

// close ends the use of the connection, which is closed already.
func (h *handle) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.tls.Close()
}

// interrupt makes the statement that runs fail. Any goroutine may call it.
func (h *handle) interrupt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	tls := libc.NewTLS()
	defer tls.Close()
	sqlite3.Xsqlite3_interrupt(tls, h.db)
}

// A prepared is what SQLite says of the first statement of a text.
type prepared struct {
	length     int      // of the statement, with the semicolon; 0 where there is none
	reads      bool     // it changes nothing
	parameters []string // their names, "" for those that are only counted
	code       int32    // what is wrong, 0 if nothing is
	message    string
	at         int // byte offset of what is wrong, -1 where that is not known
}

// prepare has SQLite compile the first statement of a text that has no byte 0.
func (h *handle) prepare(text string) (p prepared, err error) {
	sql, err := libc.CString(text)
	if err != nil {
		return p, err
	}
	defer libc.Xfree(h.tls, sql)
	out := libc.Xcalloc(h.tls, 2, types.Size_t(pointerSize)) // the statement, and what is behind it
	if out == 0 {
		return p, errors.New("out of memory")
	}
	defer libc.Xfree(h.tls, out)
	p.code = sqlite3.Xsqlite3_prepare_v2(h.tls, h.db, sql, -1, out, out+pointerSize)
	if p.code != sqlite3.SQLITE_OK {
		p.message = libc.GoString(sqlite3.Xsqlite3_errmsg(h.tls, h.db))
		p.at = int(sqlite3.Xsqlite3_error_offset(h.tls, h.db))
		return p, nil
	}
	statement := pointerAt(out)
	if statement == 0 {
		return p, nil
	}
	defer sqlite3.Xsqlite3_finalize(h.tls, statement)
	p.length = int(pointerAt(out+pointerSize) - sql)
	p.reads = sqlite3.Xsqlite3_stmt_readonly(h.tls, statement) != 0
	for i := range sqlite3.Xsqlite3_bind_parameter_count(h.tls, statement) {
		name := ""
		if z := sqlite3.Xsqlite3_bind_parameter_name(h.tls, statement, i+1); z != 0 {
			name = libc.GoString(z)
		}
		p.parameters = append(p.parameters, name)
	}
	return p, nil
}

const pointerSize = bits.UintSize / 8

// pointerAt reads a pointer from memory that is not Go's.
func pointerAt(at uintptr) uintptr {
	b := libc.GoBytes(at, pointerSize)
	if pointerSize == 4 {
		return uintptr(binary.NativeEndian.Uint32(b))
	}
	return uintptr(binary.NativeEndian.Uint64(b))
}
