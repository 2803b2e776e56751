package manifest

import (
	"fmt"
	"strings"
)

// appendPath appends p as sha256sum writes it, without the backslash that
// marks the line, and reports whether that mark is needed.
func appendPath(b []byte, p string) (_ []byte, escaped bool) {
	if p == "." {
		return append(b, '.'), false
	}
	b = append(b, "./"...)
	if strings.IndexByte(p, '\\') < 0 && strings.IndexByte(p, '\n') < 0 && strings.IndexByte(p, '\r') < 0 {
		return append(b, p...), false
	}
	for i := range len(p) {
		switch c := p[i]; c {
		case '\\':
			b = append(b, `\\`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, c)
		}
	}
	return b, true
}

var errLongPath = fmt.Errorf("a path is longer than %d bytes", MaxPath)

// parsePath undoes appendPath and refuses what would lead out of a snapshot.
func parsePath(b []byte, escaped bool) (string, error) {
	if len(b) > 2*MaxPath { // before any room is taken for it
		return "", errLongPath
	}
	s := string(b)
	if escaped {
		var out strings.Builder
		out.Grow(len(s))
		for i := 0; i < len(s); i++ {
			if s[i] != '\\' {
				out.WriteByte(s[i])
				continue
			}
			i++
			if i == len(s) {
				return "", fmt.Errorf("path %q ends in a lone backslash", b)
			}
			switch s[i] {
			case '\\':
				out.WriteByte('\\')
			case 'n':
				out.WriteByte('\n')
			case 'r':
				out.WriteByte('\r')
			default:
				return "", fmt.Errorf(`path %q holds the unknown escape \%c`, b, s[i])
			}
		}
		s = out.String()
	}
	if s == "." {
		return s, nil
	}
	p, ok := strings.CutPrefix(s, "./")
	if !ok || !ValidPath(p) {
		return "", fmt.Errorf("path %q is not one below the snapshot", s)
	}
	if len(p) > MaxPath {
		return "", errLongPath
	}
	return p, nil
}

// ValidPath reports whether p is in the syntax of [Entry.Path]: "." or names
// separated by single slashes, none of them empty, "." or "..", no NUL. Unlike
// [io/fs.ValidPath] it takes names that are not UTF-8.
func ValidPath(p string) bool {
	if p == "." {
		return true
	}
	if strings.IndexByte(p, 0) >= 0 {
		return false
	}
	for {
		name, rest, more := strings.Cut(p, "/")
		if name == "" || name == "." || name == ".." {
			return false
		}
		if !more {
			return true
		}
		p = rest
	}
}

const upperHex = "0123456789ABCDEF"

// appendValue appends s with the bytes that would end a field written %XX.
func appendValue(b []byte, s string, more string) []byte {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c == 0x7f || c == '%' || strings.IndexByte(more, c) >= 0 {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
			continue
		}
		b = append(b, c)
	}
	return b
}

// parseValue undoes appendValue.
func parseValue(b []byte) (string, error) {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			out = append(out, b[i])
			continue
		}
		if i+2 >= len(b) {
			return "", fmt.Errorf("value %q ends inside of %%XX", b)
		}
		high, low := strings.IndexByte(upperHex, b[i+1]), strings.IndexByte(upperHex, b[i+2])
		if high < 0 || low < 0 {
			return "", fmt.Errorf("value %q holds a %% that is not %%XX", b)
		}
		out = append(out, byte(high<<4|low))
		i += 2
	}
	return string(out), nil
}
