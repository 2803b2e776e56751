package manifest

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// memberSize is how much text one gzip member holds. What a killed run wrote
// can be read up to the last whole member.
const memberSize = 64 << 10

// Writer writes a manifest. Entries must come in the order of [Compare].
// Compression runs beside the caller; a failure to write shows at the next
// call, at the latest at [Writer.Close].
type Writer struct {
	text    []byte
	follows bool // members end where those of another manifest do
	entries int64
	files   int64
	bytes   int64
	last    Entry // Path and Kind of the entry before, to hold the order

	members chan member
	spare   chan []byte
	done    chan struct{}
	err     error // of the compressing goroutine, valid once done is closed
}

// member is text that is to become a gzip member, or one as it is.
type member struct {
	text []byte
	raw  *io.SectionReader
}

// NewWriter starts a manifest on w with its header. The caller must call
// [Writer.Close] or [Writer.Abort].
func NewWriter(w io.Writer, h Header) *Writer {
	m := &Writer{
		text:    make([]byte, 0, memberSize+4096),
		members: make(chan member, 2),
		spare:   make(chan []byte, 3),
		done:    make(chan struct{}),
	}
	go m.compress(w)
	m.text = fmt.Appendf(m.text, "# phlb manifest %d\n", Version)
	m.comment("name", h.Name)
	m.comment("source", h.Source)
	m.comment("host", h.Host)
	m.comment("started", h.Started.UTC().Format(time.RFC3339Nano))
	m.comment("boot", h.Boot)
	m.comment("match", h.Match)
	for _, tag := range h.Tags {
		m.comment("tag", tag)
	}
	m.text = append(m.text, "# record: #KIND MODE UID:GID SIZE MTIME CTIME INODE [KEY=VALUE …] [PATH]\n"...)
	return m
}

// compress writes the members. It goes on to receive after a failure, so that
// the caller is never stuck.
func (m *Writer) compress(w io.Writer) {
	defer close(m.done)
	out := bufio.NewWriterSize(w, memberSize) // gzip writes in small pieces
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	m.err = err
	for member := range m.members {
		switch {
		case m.err != nil:
		case member.raw != nil:
			_, m.err = io.CopyN(out, member.raw, member.raw.Size())
		default:
			z.Reset(out)
			z.Write(member.text)
			z.Close()
		}
		if err := out.Flush(); m.err == nil { // keeps an error of the writes before
			m.err = err
		}
		if member.text != nil {
			m.spare <- member.text[:0]
		}
	}
}

// comment appends a header or footer line; a newline in it cannot end it.
func (m *Writer) comment(key, value string) {
	m.text = append(m.text, "# "...)
	m.text = append(m.text, key...)
	m.text = append(m.text, ": "...)
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\':
			m.text = append(m.text, `\\`...)
		case '\n':
			m.text = append(m.text, `\n`...)
		case '\r':
			m.text = append(m.text, `\r`...)
		default:
			m.text = append(m.text, c)
		}
	}
	m.text = append(m.text, '\n')
}

// Write appends e.
func (m *Writer) Write(e *Entry) error {
	if err := m.note(e); err != nil {
		return err
	}
	m.text = appendEntry(m.text, e)
	limit := memberSize
	if m.follows {
		limit *= 2 // so that a member that has grown can still end where it did
	}
	if len(m.text) >= limit {
		return m.Flush()
	}
	return nil
}

// Boundary tells that a good place to end a member is here. Members that end in
// the same places as those of the snapshot before can be copied, see
// [Writer.Copy].
func (m *Writer) Boundary() error {
	m.follows = true
	if len(m.text) < memberSize/2 {
		return nil
	}
	return m.Flush()
}

// Copy appends entries that raw holds as a member, see [Reader.Member]; the
// caller vouches for that. It writes them anew where the member before would
// become too short for it.
func (m *Writer) Copy(raw *io.SectionReader, entries []Entry) error {
	if len(m.text) > 0 && len(m.text) < memberSize/8 {
		for i := range entries {
			if err := m.Write(&entries[i]); err != nil {
				return err
			}
		}
		return m.Boundary()
	}
	for i := range entries {
		if err := m.note(&entries[i]); err != nil {
			return err
		}
	}
	if err := m.Flush(); err != nil {
		return err
	}
	m.follows = true
	select {
	case <-m.done:
		return m.err
	case m.members <- member{raw: raw}:
		return nil
	}
}

// note counts an entry that is about to be written.
func (m *Writer) note(e *Entry) error {
	if m.entries > 0 && Compare(&m.last, e) >= 0 {
		return fmt.Errorf("manifest: %q does not come after %q", e.Path, m.last.Path)
	}
	m.last.Path, m.last.Kind = e.Path, e.Kind
	m.entries++
	if e.Kind == File {
		m.files++
		m.bytes += e.Size
	}
	return nil
}

// Flush ends the gzip member, so that what was written until now can be read
// even if the manifest is never closed.
func (m *Writer) Flush() error {
	select {
	case <-m.done:
		return m.err
	default:
	}
	if len(m.text) == 0 {
		return nil
	}
	m.members <- member{text: m.text}
	select {
	case m.text = <-m.spare:
	default:
		m.text = make([]byte, 0, memberSize+4096)
	}
	return nil
}

// Close writes the footer and the closing line. Of s it takes what only the
// run can know; entries, files and bytes are what was written.
func (m *Writer) Close(s Summary) error {
	m.comment("finished", s.Finished.UTC().Format(time.RFC3339Nano))
	for _, c := range counters(&s) {
		m.comment(c.key, strconv.FormatInt(*c.value, 10))
	}
	m.text = fmt.Appendf(m.text, "# end entries=%d files=%d bytes=%d\n", m.entries, m.files, m.bytes)
	if err := m.Flush(); err != nil {
		return err
	}
	return m.Abort()
}

// Abort ends the writer without a closing line: what was written stays
// readable as a cut-off manifest. It returns the first error of writing.
func (m *Writer) Abort() error {
	select {
	case <-m.done:
	default:
		close(m.members)
		<-m.done
	}
	return m.err
}

// A counter is a line of the footer.
type counter struct {
	key   string
	value *int64
}

func counters(s *Summary) []counter {
	return []counter{
		{"unchanged", &s.Unchanged},
		{"linked", &s.Linked},
		{"new", &s.New},
		{"new-bytes", &s.NewBytes},
		{"skipped", &s.Skipped},
		{"errors", &s.Errors},
	}
}

func appendEntry(b []byte, e *Entry) []byte {
	b = append(b, '#', byte(e.Kind), ' ')
	b = strconv.AppendUint(b, uint64(e.Mode), 8)
	b = append(b, ' ')
	b = appendPair(b, e.UID, e.GID)
	b = append(b, ' ')
	b = strconv.AppendInt(b, e.Size, 10)
	b = append(b, ' ')
	b = appendTime(b, e.Mtime)
	b = append(b, ' ')
	b = appendTime(b, e.Ctime)
	b = append(b, ' ')
	b = strconv.AppendUint(b, e.Inode, 10)
	if e.Kind == BlockDevice || e.Kind == CharDevice {
		b = append(b, " dev="...)
		b = appendPair(b, e.Major, e.Minor)
	}
	if e.Kind == Symlink {
		b = append(b, " to="...)
		b = appendValue(b, e.Target, "")
	}
	if e.Group != 0 {
		b = append(b, " group="...)
		b = strconv.AppendInt(b, e.Group, 10)
	}
	if e.Racy {
		b = append(b, " racy=1"...)
	}
	if e.Absent {
		b = append(b, " stored=no"...)
	} else if s := e.Stored; s != nil {
		b = append(b, " stored="...)
		b = strconv.AppendUint(b, uint64(s.Mode), 8)
		b = append(b, ',')
		b = appendPair(b, s.UID, s.GID)
		b = append(b, ',')
		b = appendTime(b, s.Mtime)
	}
	for _, x := range e.Xattrs {
		b = append(b, " x="...)
		b = appendValue(b, x.Name, ":")
		b = append(b, ':')
		b = base64.StdEncoding.AppendEncode(b, []byte(x.Value))
	}
	if e.Kind != File {
		b = append(b, ' ')
		at := len(b)
		var escaped bool
		if b, escaped = appendPath(b, e.Path); escaped {
			b = append(b, 0)
			copy(b[at+1:], b[at:])
			b[at] = '\\'
		}
		return append(b, '\n')
	}
	b = append(b, '\n')
	if strings.ContainsAny(e.Path, "\\\n\r") {
		b = append(b, '\\')
	}
	b = hex.AppendEncode(b, e.Digest[:])
	b = append(b, ' ', ' ')
	b, _ = appendPath(b, e.Path)
	return append(b, '\n')
}

func appendPair(b []byte, x, y uint32) []byte {
	b = strconv.AppendUint(b, uint64(x), 10)
	b = append(b, ':')
	return strconv.AppendUint(b, uint64(y), 10)
}

func appendTime(b []byte, t Time) []byte {
	b = strconv.AppendInt(b, t.Sec, 10)
	if t.Nsec == 0 {
		return b
	}
	at := len(b)
	b = strconv.AppendUint(b, 1e9+uint64(t.Nsec), 10)
	b[at] = '.' // in place of the leading 1
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
