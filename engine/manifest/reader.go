package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
)

// maxLine is the longest line that a reader takes. Paths are shorter by far, and
// a walk takes no more than half of that in attributes.
const maxLine = 16 << 20

// Limits of what a manifest may say, so that one that somebody else made does not
// take all memory to be read.
const (
	MaxPath   = 64 << 10 // bytes of a path
	MaxTags   = 1000
	MaxHeader = 1 << 20 // bytes of the header, as text
)

// Error returns the message with the line it is about.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("manifest line %d: %s", e.Line, e.Msg)
}

// Reader reads a manifest.
type Reader struct {
	Header Header

	members *members // of the file; nil where the text was not compressed
	lines   *bufio.Reader
	long    []byte // a line that does not fit the buffer of lines
	longest int    // how long it may be
	unread  []byte // the first line after the header
	line    int64
	last    Entry // Path and Kind of the entry before, to hold the order
	entries int64
	files   int64
	bytes   int64
	summary *Summary
	err     error
}

// NewReader reads the header of the manifest in r. Errors are of r, a
// [*SyntaxError], [ErrVersion], or [ErrCutOff]. What a [Writer] wrote is only
// handed out after its checksum was found right.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, cutOff(fmt.Errorf("manifest: %w", err))
	}
	z.Multistream(false)
	of := &members{in: in, z: z, begun: true}
	m, err := newReader(of)
	if err == nil {
		m.members = of
	}
	return m, err
}

// HasMember reports whether what comes next can be read by NextMember: at the
// beginning of a [Member].
func (m *Reader) HasMember() bool {
	return m.err == nil && m.members != nil && m.unread == nil && m.lines.Buffered() == 0 && m.members.next() > 0
}

// NextMember reads the next member, of which HasMember has told that it is there.
// It takes the room of what was in of; the entries in it are not read. Errors are
// those of Next.
func (m *Reader) NextMember(of *Member) error {
	err := of.read(m.members.in, m.members.next())
	if err != nil {
		m.err = cutOff(fmt.Errorf("manifest: %w", err))
		return m.err
	}
	of.hash = m.Header.Hash
	m.entries += int64(len(of.Marks))
	m.files += of.files
	m.bytes += of.bytes
	m.line += int64(len(of.Marks)) + of.files
	m.last = Entry{} // is not known
	return nil
}

// maxMember is how much of a gzip member is held back until its checksum was
// found right. A writer's members are shorter by far; of one that somebody else
// made, what is beyond is handed out unchecked.
const maxMember = 1 << 20

// members reads gzip members one after the other.
type members struct {
	in     *bufio.Reader
	z      *gzip.Reader
	begun  bool         // the header of the one at hand was read
	marked Member       // the one at hand, if it has marks
	text   bytes.Buffer // of the one at hand
	over   error        // comes after text
}

// next returns the length of the member that comes next, 0 where it has no
// marks, or is not the next thing to read.
func (m *members) next() int {
	if m.begun || m.text.Len() > 0 || m.over != nil {
		return 0
	}
	return markedSize(m.in)
}

// Read implements [io.Reader].
func (m *members) Read(p []byte) (int, error) {
	for m.text.Len() == 0 {
		if m.over != nil {
			return 0, m.over
		}
		m.over = m.fill()
	}
	return m.text.Read(p)
}

func (m *members) fill() error {
	if !m.begun {
		var next io.Reader = m.in
		if size := markedSize(m.in); size > 0 {
			if err := m.marked.read(m.in, size); err != nil {
				return err
			}
			next = bytes.NewReader(m.marked.raw)
		}
		if err := m.z.Reset(next); err != nil {
			return err
		}
		m.z.Multistream(false)
		m.begun = true
	}
	switch _, err := io.CopyN(&m.text, m.z, maxMember); err {
	case nil:
	case io.EOF: // the checksum was right
		m.begun = false
	default:
		m.text.Reset()
		return fmt.Errorf("manifest: %w", err)
	}
	return nil
}

// newReader reads the uncompressed text of a manifest.
func newReader(text io.Reader) (*Reader, error) {
	m := &Reader{lines: bufio.NewReaderSize(text, 64<<10), longest: MaxHeader}
	if err := m.readHeader(); err != nil {
		return nil, err
	}
	m.longest = maxLine
	return m, nil
}

// cutOff turns the error of a stream that ends too early into ErrCutOff.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrCutOff
	}
	return err
}

// Next reads the next entry into e. It returns [io.EOF] after the last entry
// of a whole manifest, and [ErrCutOff] after the last readable one of a
// manifest that lacks its closing line.
func (m *Reader) Next(e *Entry) error {
	if m.err == nil {
		m.err = m.next(e)
	}
	return m.err
}

// Entries returns the entries that are left. Each is valid until the next one.
func (m *Reader) Entries() iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		var e Entry
		for {
			switch err := m.Next(&e); {
			case err == io.EOF:
				return
			case err != nil:
				yield(nil, err)
				return
			}
			if !yield(&e, nil) {
				return
			}
		}
	}
}

// Summary returns the footer, once Next has returned [io.EOF]; nil before.
func (m *Reader) Summary() *Summary { return m.summary }

func (m *Reader) next(e *Entry) error {
	line, err := m.readLine()
	if err != nil {
		return err
	}
	if bytes.HasPrefix(line, []byte("# ")) {
		return m.readFooter(line)
	}
	*e = Entry{}
	if err := parseRecord(line, e); err != nil {
		return m.syntax("%v", err)
	}
	if e.hasHash() {
		// The record line is parsed before this call invalidates it.
		if line, err = m.readLine(); err != nil {
			return err
		}
		if err := parseHash(line, m.Header.Hash, e); err != nil {
			return m.syntax("%v", err)
		}
		m.files++
		m.bytes += e.Size
	}
	if m.last.Path != "" && Compare(&m.last, e) >= 0 {
		return m.syntax("%q does not come after %q", e.Path, m.last.Path)
	}
	m.last.Path, m.last.Kind = e.Path, e.Kind
	m.entries++
	return nil
}

// readLine returns the next line without its newline, valid until the next
// call.
func (m *Reader) readLine() ([]byte, error) {
	if line := m.unread; line != nil {
		m.unread = nil
		return line, nil
	}
	m.line++
	line, err := m.lines.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		m.long = append(m.long[:0], line...)
		for err == bufio.ErrBufferFull {
			line, err = m.lines.ReadSlice('\n')
			if m.long = append(m.long, line...); len(m.long) > m.longest {
				return nil, m.syntax("longer than %d bytes", m.longest)
			}
		}
		line = m.long
	}
	if err != nil {
		return nil, cutOff(err)
	}
	return line[:len(line)-1], nil
}

func (m *Reader) syntax(format string, args ...any) error {
	return &SyntaxError{m.line, fmt.Sprintf(format, args...)}
}

func (m *Reader) readHeader() error {
	line, err := m.readLine()
	if err != nil {
		return err
	}
	text, ok := bytes.CutPrefix(line, []byte("# phlb manifest "))
	version, err := strconv.Atoi(string(text))
	if !ok || err != nil {
		return m.syntax("not the start of a phlb manifest")
	}
	if version > Version {
		return ErrVersion
	}
	for size := len(line); ; size += len(line) {
		if line, err = m.readLine(); err != nil {
			return err
		}
		if size > MaxHeader {
			return m.syntax("the header is longer than %d bytes", MaxHeader)
		}
		key, value, ok := parseComment(line)
		if !ok {
			m.unread = line
			return nil
		}
		h := &m.Header
		switch key {
		case "name":
			h.Name = value
		case "stamp":
			h.Stamp = value
		case "source":
			h.Source = value
		case "host":
			h.Host = value
		case "boot":
			h.Boot = value
		case "mount":
			h.Mount = value
		case "match":
			h.Match = value
		case "hash":
			if h.Hash, err = ParseAlgorithm(value); err != nil {
				return fmt.Errorf("digests by %.40q: %w", value, ErrVersion)
			}
		case "tag":
			if h.Tags = append(h.Tags, value); len(h.Tags) > MaxTags {
				return m.syntax("more than %d tags", MaxTags)
			}
		case "started":
			if h.Started, err = time.Parse(time.RFC3339Nano, value); err != nil {
				return m.syntax("started: %v", err)
			}
		case "finished": // a manifest without entries
			m.unread = line
			return nil
		case lastHeader:
			return nil
		}
	}
}

// readFooter reads from its first line to the end. Keys that it does not know
// are of a later phlb and passed over.
func (m *Reader) readFooter(line []byte) error {
	s := Summary{Entries: m.entries, Files: m.files, Bytes: m.bytes}
	for !bytes.HasPrefix(line, []byte("# end ")) {
		key, value, ok := parseComment(line)
		if !ok {
			return m.syntax("%q is neither an entry nor a comment", line)
		}
		var err error
		if key == "finished" {
			if s.Finished, err = time.Parse(time.RFC3339Nano, value); err != nil {
				return m.syntax("finished: %v", err)
			}
		}
		for _, c := range counters(&s) {
			if c.key == key {
				if *c.value, err = strconv.ParseInt(value, 10, 64); err != nil {
					return m.syntax("%s: %v", key, err)
				}
			}
		}
		if line, err = m.readLine(); err != nil {
			return err
		}
	}
	if want := fmt.Sprintf("# end entries=%d files=%d bytes=%d", m.entries, m.files, m.bytes); string(line) != want {
		return m.syntax("closes with %q, but %q was read", line, want)
	}
	if _, err := m.lines.ReadByte(); err != io.EOF {
		if err != nil {
			return cutOff(fmt.Errorf("manifest: after the closing line: %w", err))
		}
		return m.syntax("text after the closing line")
	}
	m.summary = &s
	return io.EOF
}
