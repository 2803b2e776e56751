package memory

import (
	"fmt"
	"math"
	"sync"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// counting has SQLite count the memory it uses, without which it keeps to no limit.
var counting = sync.OnceValue(func() error {
	tls := libc.NewTLS()
	defer tls.Close()
	on := libc.NewVaList(int32(1))
	defer libc.Xfree(tls, on)
	if code := sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_MEMSTATUS, on); code != sqlite3.SQLITE_OK {
		return fmt.Errorf("SQLite does not count its memory: code %d", code)
	}
	return nil
})

// LimitSQLite limits how many bytes SQLite uses for all its connections, also in one step
// that no interrupt ends; 0 leaves the limit as it is. It must be called before the first
// connection of the process, see sqlite3_config and sqlite3_hard_heap_limit64 in the
// reference of SQLite.
func LimitSQLite(most uint64) error {
	if err := counting(); err != nil || most == 0 {
		return err
	}
	tls := libc.NewTLS()
	defer tls.Close()
	sqlite3.Xsqlite3_hard_heap_limit64(tls, int64(min(most, math.MaxInt64)))
	return nil
}
