package manifest

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// endless is a text that goes on and on. It notes how much of it was read.
type endless struct {
	head, line string
	read       int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		text := e.head
		if at := e.read - len(e.head); at < 0 {
			text = text[e.read:]
		} else {
			text = e.line[at%len(e.line):]
		}
		k := copy(p[n:], text)
		n, e.read = n+k, e.read+k
	}
	return n, nil
}

// A header that says more than there is to say is refused, and not kept.
func TestLimitsOfHeader(t *testing.T) {
	const head = "# phlb manifest 1\n# name: docs\n"
	for line, want := range map[string]string{
		"# tag: x\n":      "more than 1000 tags",
		"# later: word\n": "the header is longer than 1048576 bytes",
		"x":               "longer than 1048576 bytes",
	} {
		in := &endless{head: head, line: line}
		_, err := newReader(in)
		if _, ok := errors.AsType[*SyntaxError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%q for ever: %v", line, err)
		}
		if in.read > 2*MaxHeader {
			t.Errorf("%q for ever: %d bytes were read", line, in.read)
		}
	}
}

func TestLimitsOfPath(t *testing.T) {
	longest := strings.Repeat("d/", MaxPath/2-1) + "xy"
	for path, ok := range map[string]bool{longest: true, longest + "z": false, strings.Repeat("\n", 2*MaxPath): false} {
		text := "# phlb manifest 1\n# name: docs\n#l 777 0:0 1 1 1 1 to=x "
		line, escaped := appendPath(nil, path)
		if escaped {
			text += "\\"
		}
		text += string(line) + "\n"
		r, err := newReader(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var e Entry
		if err := r.Next(&e); (err == nil) != ok || !ok && !strings.Contains(err.Error(), "longer than 65536 bytes") {
			t.Errorf("a path of %d bytes: %.200v", len(path), err)
		}
		w := NewWriter(io.Discard, Header{Name: "docs", Started: time.Unix(1, 0)})
		if err := w.Write(&Entry{Kind: Symlink, Path: path, Target: "x"}); (err == nil) != ok {
			t.Errorf("writing a path of %d bytes: %.200v", len(path), err)
		}
		w.Abort()
	}
}
