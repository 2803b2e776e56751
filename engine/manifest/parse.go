package manifest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// parseComment splits "# key: value".
func parseComment(line []byte) (key, value string, ok bool) {
	text, ok := bytes.CutPrefix(line, []byte("# "))
	if !ok {
		return "", "", false
	}
	k, v, ok := bytes.Cut(text, []byte(": "))
	if !ok {
		return "", "", false
	}
	return string(k), unescapeComment.Replace(string(v)), true
}

var unescapeComment = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")

// parseRecord reads what appendEntry writes before a file's hash line.
func parseRecord(line []byte, e *Entry) error {
	if len(line) < 3 || line[0] != '#' || line[2] != ' ' {
		return fmt.Errorf("%.40q is not an entry", line)
	}
	e.Kind = Kind(line[1])
	if !e.Kind.known() {
		return fmt.Errorf("no such kind of entry: %q", line[1])
	}
	f := fields{rest: line[3:]}
	e.Mode = uint32(f.uint(8, 12, ' '))
	e.UID = uint32(f.uint(10, 32, ':'))
	e.GID = uint32(f.uint(10, 32, ' '))
	e.Size = int64(f.uint(10, 63, ' '))
	e.Mtime = f.time(' ')
	e.Ctime = f.time(' ')
	e.Inode = f.uint(10, 64, ' ')
	for f.err == nil && len(f.rest) > 0 && f.rest[0] != '.' && f.rest[0] != '\\' {
		f.option(e)
	}
	if f.err != nil {
		return f.err
	}
	if e.hasHash() {
		if len(f.rest) > 0 {
			return fmt.Errorf("a path in a file's record line: %q", f.rest)
		}
		return nil
	}
	escaped := len(f.rest) > 0 && f.rest[0] == '\\'
	if escaped {
		f.rest = f.rest[1:]
	}
	p, err := parsePath(f.rest, escaped)
	if err != nil {
		return err
	}
	if p == "." && e.Kind != Dir {
		return errors.New("the root is not a directory")
	}
	e.Path = p
	return nil
}

// parseHash reads a line of sha256sum's, or of that of another algorithm.
func parseHash(line []byte, by Algorithm, e *Entry) error {
	escaped := len(line) > 0 && line[0] == '\\'
	if escaped {
		line = line[1:]
	}
	digits := 2 * by.Size()
	if len(line) < digits+2 || line[digits] != ' ' || line[digits+1] != ' ' {
		return fmt.Errorf("%.80q is not a hash line of %v", line, by)
	}
	e.Digest.algorithm = by
	if _, err := hex.Decode(e.Digest.sum[:], line[:digits]); err != nil {
		return fmt.Errorf("hash line: %v", err)
	}
	p, err := parsePath(line[digits+2:], escaped)
	if err != nil {
		return err
	}
	if p == "." {
		return errors.New("the root is not a directory")
	}
	e.Path = p
	return nil
}

// fields takes a record line apart. After the first error it yields zeros.
type fields struct {
	rest []byte
	err  error
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

// next cuts the text before sep, which may be missing at the end of the line.
func (f *fields) next(sep byte) []byte {
	i := bytes.IndexByte(f.rest, sep)
	if i < 0 {
		text := f.rest
		f.rest = nil
		return text
	}
	text := f.rest[:i]
	f.rest = f.rest[i+1:]
	return text
}

// uint reads a number of at most that many bits, in base 8 or 10.
func (f *fields) uint(base uint64, bits int, sep byte) uint64 {
	text := f.next(sep)
	if len(text) == 0 || len(text) > 20 {
		f.fail("%q is not a number", text)
		return 0
	}
	var n uint64
	limit := ^uint64(0) >> (64 - bits)
	for _, c := range text {
		d := uint64(c - '0')
		if d >= base {
			f.fail("%q is not a number", text)
			return 0
		}
		if n > (limit-d)/base {
			f.fail("%s is out of range", text)
			return 0
		}
		n = n*base + d
	}
	return n
}

// time reads what appendTime writes.
func (f *fields) time(sep byte) Time {
	whole, fraction, _ := bytes.Cut(f.next(sep), []byte("."))
	t := Time{}
	negative := len(whole) > 0 && whole[0] == '-'
	if negative {
		whole = whole[1:]
	}
	part := fields{rest: whole}
	if negative {
		t.Sec = -int64(part.uint(10, 64, 0)) // of the least one the number alone has no room
		if t.Sec > 0 {
			part.fail("-%s is out of range", whole)
		}
	} else {
		t.Sec = int64(part.uint(10, 63, 0))
	}
	if len(fraction) > 0 {
		part.rest = fraction
		t.Nsec = uint32(part.uint(10, 30, 0))
		if len(fraction) > 9 {
			part.fail("more than nine digits behind the point")
		}
		for range 9 - len(fraction) {
			t.Nsec *= 10
		}
	}
	if part.err != nil {
		f.fail("time: %v", part.err)
	}
	return t
}

// option reads one KEY=VALUE.
func (f *fields) option(e *Entry) {
	text := f.next(' ')
	k, value, ok := bytes.Cut(text, []byte("="))
	if !ok {
		f.fail("%q is not KEY=VALUE", text)
		return
	}
	v := fields{rest: value}
	switch key := string(k); key {
	case "dev":
		if e.Kind != BlockDevice && e.Kind != CharDevice {
			v.fail("a %v has no device numbers", e.Kind)
			break
		}
		e.Major, e.Minor = uint32(v.uint(10, 32, ':')), uint32(v.uint(10, 32, ' '))
	case "to":
		if e.Kind != Symlink {
			v.fail("a %v leads nowhere", e.Kind)
			break
		}
		e.Target, v.err = parseValue(value)
	case "group":
		e.Group = int64(v.uint(10, 63, ' '))
	case "racy":
		e.Racy = string(value) == "1"
	case "stored":
		if string(value) == "no" {
			e.Absent, e.Stored = true, nil
			break
		}
		s := &Stored{}
		s.Mode = uint32(v.uint(8, 12, ','))
		s.UID = uint32(v.uint(10, 32, ':'))
		s.GID = uint32(v.uint(10, 32, ','))
		s.Mtime = v.time(' ')
		e.Absent, e.Stored = false, s
	case "name":
		e.SourceName, v.err = parseValue(value)
		if name := e.SourceName; v.err == nil && (name == "." || strings.Contains(name, "/") || !ValidPath(name)) {
			v.fail("%q is not a name", name)
		}
	case "x":
		name, data, _ := bytes.Cut(value, []byte(":"))
		x := Xattr{}
		x.Name, v.err = parseValue(name)
		raw, err := base64.StdEncoding.AppendDecode(nil, data)
		if err != nil {
			v.fail("attribute %s: %v", x.Name, err)
		}
		x.Value = string(raw)
		e.Xattrs = append(e.Xattrs, x)
	default:
		// A key of a later phlb: what it says is not needed to read the rest.
	}
	if v.err != nil {
		f.fail("%s: %v", strconv.Quote(string(k)), v.err)
	}
}
