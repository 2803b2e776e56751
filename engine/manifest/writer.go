package manifest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// memberSize is how much text one gzip member holds, about fifty files. One in
// which anything changes is made anew by the next run, so it is short; half of
// that would take five percent more room.
const memberSize = 8 << 10

// Writer writes a manifest. Entries must come in the order of [Compare].
// Compression runs beside the caller, so a failure to write may only show at
// [Writer.Close].
type Writer struct {
	hash    Algorithm
	part    part // that is being filled
	follows bool // members end where those of another manifest do
	entries int64
	files   int64
	bytes   int64
	last    Entry // Path and Kind of the entry before, to hold the order

	parts chan part
	spare chan part
	done  chan struct{}
	err   error // of the compressing goroutine, valid once done is closed
}

// part is what is to become a gzip member, or to be flushed to the file.
type part struct {
	text  []byte
	index index // of the text; empty where that is not of entries alone
	whole bool  // the text is a member
	flush bool  // all until here is to go to the file
}

// NewWriter starts a manifest on w with its header. The caller must call
// [Writer.Close] or [Writer.Abort].
func NewWriter(w io.Writer, h Header) *Writer {
	m := &Writer{
		hash:  h.Hash,
		parts: make(chan part, partsWaiting),
		spare: make(chan part, partsWaiting+2), // has room for all that there can be
		done:  make(chan struct{}),
	}
	go m.compress(w)
	m.part.text = fmt.Appendf(m.part.text, "# phlb manifest %d\n", h.version())
	m.comment("name", h.Name)
	if h.Stamp != "" {
		m.comment("stamp", h.Stamp)
	}
	m.comment("source", h.Source)
	m.comment("host", h.Host)
	m.comment("started", h.Started.UTC().Format(time.RFC3339Nano))
	m.comment("boot", h.Boot)
	if h.Mount != "" {
		m.comment("mount", h.Mount)
	}
	m.comment("match", h.Match)
	if h.Hash != SHA256 {
		m.comment("hash", h.Hash.String())
	}
	for _, tag := range h.Tags {
		m.comment("tag", tag)
	}
	m.comment(lastHeader, "#KIND MODE UID:GID SIZE MTIME CTIME INODE [KEY=VALUE …] [PATH]")
	m.hand()
	return m
}

// lastHeader is the key of the last line of the header.
const lastHeader = "record"

// partsWaiting is how far the compression may be behind.
const partsWaiting = 8

// compress writes the members. It goes on to receive after a failure, so that
// the caller is never stuck.
func (m *Writer) compress(w io.Writer) {
	defer close(m.done)
	out := bufio.NewWriterSize(w, 64<<10)
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	m.err = err
	var member bytes.Buffer
	for p := range m.parts {
		switch {
		case m.err != nil || len(p.text) == 0:
		case p.whole:
			_, m.err = out.Write(p.text)
		default:
			member.Reset()
			z.Reset(&member)
			z.Extra = p.index.field()
			z.Write(p.text)
			z.Close()
			p.index.seal(member.Bytes())
			_, m.err = out.Write(member.Bytes())
		}
		if p.flush && m.err == nil {
			m.err = out.Flush()
		}
		m.spare <- part{text: p.text[:0], index: p.index.emptied()}
	}
	if m.err == nil {
		m.err = out.Flush()
	}
}

// comment appends a header or footer line; a newline in it cannot end it.
func (m *Writer) comment(key, value string) {
	m.part.text = append(m.part.text, "# "...)
	m.part.text = append(m.part.text, key...)
	m.part.text = append(m.part.text, ": "...)
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\':
			m.part.text = append(m.part.text, `\\`...)
		case '\n':
			m.part.text = append(m.part.text, `\n`...)
		case '\r':
			m.part.text = append(m.part.text, `\r`...)
		default:
			m.part.text = append(m.part.text, c)
		}
	}
	m.part.text = append(m.part.text, '\n')
}

// Write appends e.
func (m *Writer) Write(e *Entry) error {
	if err := m.inOrder(e); err != nil {
		return err
	}
	if e.hasHash() && e.Digest.algorithm != m.hash {
		return fmt.Errorf("manifest: the digest of %q is by %v, not %v", e.Path, e.Digest.algorithm, m.hash)
	}
	m.last.Path, m.last.Kind = e.Path, e.Kind
	m.entries++
	if e.hasHash() {
		m.files++
		m.bytes += e.Size
	}
	m.part.text = appendEntry(m.part.text, e)
	m.part.index.add(e)
	limit := memberSize
	if m.follows {
		limit *= 2 // so that a member that has grown can still end where it did
	}
	if len(m.part.text) >= limit {
		return m.hand()
	}
	return nil
}

// Boundary tells that a good place to end a member is here. Members that end in
// the same places as those of the snapshot before can be copied, see
// [Writer.Copy].
func (m *Writer) Boundary() error {
	m.follows = true
	if len(m.part.text) < memberSize/2 {
		return nil
	}
	return m.hand()
}

// Copy appends the entries of a member, of which first and last are the first
// and the last one. It writes them anew where the member before would become too
// short for it.
func (m *Writer) Copy(member *Member, first, last *Entry) error {
	if len(m.part.text) > 0 && len(m.part.text) < memberSize/8 {
		entries, err := member.Entries(nil)
		if err != nil {
			return err
		}
		for i := range entries {
			if err := m.Write(&entries[i]); err != nil {
				return err
			}
		}
		return m.Boundary()
	}
	if member.files > 0 && member.hash != m.hash {
		return fmt.Errorf("manifest: the digests from %q on are by %v, not %v", first.Path, member.hash, m.hash)
	}
	if err := m.inOrder(first); err != nil {
		return err
	}
	m.last.Path, m.last.Kind = last.Path, last.Kind
	m.entries += int64(len(member.Marks))
	m.files += member.files
	m.bytes += member.bytes
	if err := m.hand(); err != nil {
		return err
	}
	m.follows = true
	m.part.text, m.part.whole = append(m.part.text, member.raw...), true
	return m.hand()
}

// inOrder returns an error if e does not come after the entry before.
func (m *Writer) inOrder(e *Entry) error {
	if len(e.Path) > MaxPath {
		return fmt.Errorf("manifest: %w", errLongPath)
	}
	if m.entries > 0 && Compare(&m.last, e) >= 0 {
		return fmt.Errorf("manifest: %q does not come after %q", e.Path, m.last.Path)
	}
	return nil
}

// hand ends the part, and has it written.
func (m *Writer) hand() error {
	select {
	case <-m.done:
		return m.err
	default:
	}
	if len(m.part.text) == 0 && !m.part.flush {
		return nil
	}
	m.parts <- m.part
	select {
	case m.part = <-m.spare:
	default:
		m.part = part{}
	}
	return nil
}

// Flush ends the gzip member and has all that was written until now go to the
// file, where it can be read even if the manifest is never closed.
func (m *Writer) Flush() error {
	m.part.flush = true
	return m.hand()
}

// Close writes the footer and the closing line. Of s it takes what only the
// run can know; entries, files and bytes are what was written.
func (m *Writer) Close(s Summary) error {
	if err := m.hand(); err != nil {
		return err
	}
	m.comment("finished", s.Finished.UTC().Format(time.RFC3339Nano))
	for _, c := range counters(&s) {
		m.comment(c.key, strconv.FormatInt(*c.value, 10))
	}
	m.part.text = fmt.Appendf(m.part.text, "# end entries=%d files=%d bytes=%d\n", m.entries, m.files, m.bytes)
	if err := m.hand(); err != nil {
		return err
	}
	return m.Abort()
}

// Abort ends the writer without a closing line: what was handed over stays
// readable as a cut-off manifest. It returns the first error of writing.
func (m *Writer) Abort() error {
	select {
	case <-m.done:
	default:
		close(m.parts)
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
		{"skipped-folders", &s.Folders},
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
	if e.SourceName != "" {
		b = append(b, " name="...)
		b = appendValue(b, e.SourceName, "")
	}
	for _, x := range e.Xattrs {
		b = append(b, " x="...)
		b = appendValue(b, x.Name, ":")
		b = append(b, ':')
		b = base64.StdEncoding.AppendEncode(b, []byte(x.Value))
	}
	if !e.hasHash() {
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
	b = hex.AppendEncode(b, e.Digest.Bytes())
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
