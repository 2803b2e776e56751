package qlfile

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// The tags of values, as QL numbers them.
const (
	tagNull      = 0
	tagBlob      = 5
	tagNoBlob    = 6
	tagFloat     = 12
	tagInt       = 18
	tagZero      = 19
	tagString    = 22
	tagNoString  = 23
	tagTime      = 24
	tagZeroTime  = 25
	tagNamedTime = 35
)

// Values are the columns of a row that are yet to be read, in the order of the
// table: every call takes one. A column of another type than the one that is
// asked for makes the values bad, and so does the end of the row; what is
// returned then means nothing. Strings and blobs are parts of a block: they are
// good until the next row is read.
type Values struct {
	rest []byte
	bad  bool
}

// Err returns [ErrDamaged] where the values were not what was asked for, or not
// as many.
func (v *Values) Err() error {
	if v.bad {
		return fmt.Errorf("%w: a row has other columns", ErrDamaged)
	}
	return nil
}

// Bad reports whether Err returns an error.
func (v *Values) Bad() bool { return v.bad }

// Left returns how many bytes are yet to be read.
func (v *Values) Left() int { return len(v.rest) }

// Null reports whether the next value is NULL. It does not take it.
func (v *Values) Null() bool { return len(v.rest) > 0 && v.rest[0] == tagNull }

// tag takes the next tag, tagNull where that is missing.
func (v *Values) tag() byte {
	if len(v.rest) == 0 {
		v.bad = true
		return tagNull
	}
	t := v.rest[0]
	v.rest = v.rest[1:]
	return t
}

// counted takes the bytes that are preceded by their number.
func (v *Values) counted() []byte {
	n, size := binary.Uvarint(v.rest)
	if size <= 0 || n > uint64(len(v.rest)-size) {
		v.rest, v.bad = nil, true
		return nil
	}
	end := size + int(n)
	b := v.rest[size:end]
	v.rest = v.rest[end:]
	return b
}

// Int takes an int64, which is 0 where there is NULL.
func (v *Values) Int() int64 {
	switch v.tag() {
	case tagInt:
		n, size := binary.Varint(v.rest)
		if size > 0 {
			v.rest = v.rest[size:]
			return n
		}
		v.bad = true
	case tagZero, tagNull:
	default:
		v.bad = true
	}
	return 0
}

// Float takes a float64, which is 0 where there is NULL.
func (v *Values) Float() float64 {
	switch v.tag() {
	case tagFloat:
		n, size := binary.Uvarint(v.rest)
		if size > 0 {
			v.rest = v.rest[size:]
			return math.Float64frombits(n)
		}
		v.bad = true
	case tagNull:
	default:
		v.bad = true
	}
	return 0
}

// Skip passes over a value of whatever type.
func (v *Values) Skip() {
	switch v.tag() {
	case tagInt, tagFloat:
		_, size := binary.Uvarint(v.rest)
		if size <= 0 {
			v.bad = true
			return
		}
		v.rest = v.rest[size:]
	case tagNamedTime:
		v.counted()
		v.counted()
	case tagBlob, tagString, tagTime:
		v.counted()
	case tagNull, tagNoBlob, tagZero, tagNoString, tagZeroTime:
	default:
		v.bad = true
	}
}

// appendInt appends what Int takes.
func appendInt(b []byte, n int64) []byte {
	if n == 0 {
		return append(b, tagZero)
	}
	return binary.AppendVarint(append(b, tagInt), n)
}

// Text takes a string, "" where there is NULL.
func (v *Values) Text() string {
	switch v.tag() {
	case tagString:
		b := v.counted()
		return unsafe.String(unsafe.SliceData(b), len(b))
	case tagNoString, tagNull:
	default:
		v.bad = true
	}
	return ""
}

// Blob takes a blob, nil where there is NULL.
func (v *Values) Blob() []byte {
	switch v.tag() {
	case tagBlob:
		return v.counted()
	case tagNoBlob, tagNull:
	default:
		v.bad = true
	}
	return nil
}

// Time takes a time, in seconds since 1970 and nanoseconds. It was stored in
// UTC, as time.Time's MarshalBinary writes it: a version, seconds since year 1,
// nanoseconds and an offset.
func (v *Values) Time() (sec int64, nsec uint32) {
	tag := v.tag()
	if tag == tagZeroTime {
		return yearOne, 0
	}
	b := v.counted()
	if tag == tagNamedTime {
		v.counted() // the name of the zone
	} else if tag != tagTime {
		v.bad = true
	}
	if len(b) < 15 {
		v.bad = true
		return 0, 0
	}
	return int64(binary.BigEndian.Uint64(b[1:])) + yearOne, binary.BigEndian.Uint32(b[9:])
}

// yearOne is the first second of year 1, counted from 1970.
const yearOne = -62135596800
