package journal

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"phlb/engine/manifest"
)

// sumBytes is how much of a journal tells it from another one.
const sumBytes = 4 << 10

// SumBefore returns the sum of what stands before an offset.
func SumBefore(journal io.ReaderAt, end int64) (int64, error) {
	n := min(end, sumBytes)
	b := make([]byte, n)
	if _, err := journal.ReadAt(b, end-n); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	sum := sha256.Sum256(b)
	return int64(binary.BigEndian.Uint64(sum[:])), nil
}

const (
	maxSize = 1 << 30 // bytes of a journal: there are 100 to 500 in a line
	maxLine = 1 << 20 // bytes of a line, of which a path takes 400 KiB at the most
)

// ErrTooLong says that a journal is longer than what many years have to say. One that
// somebody has made has no end, and takes no room where it lies.
var ErrTooLong = errors.New("the record of the backup root, .phlb/record, is longer than 1 GiB: move it away, the catalog has what it said until now")

// Read returns the lines from an offset on, up to the last that is whole,
// and where that ends.
func Read(ctx context.Context, journal io.ReaderAt, from, size int64) (lines []string, bad []int64, end int64, err error) {
	if size > maxSize {
		return nil, nil, 0, ErrTooLong
	}
	in := bufio.NewReaderSize(io.NewSectionReader(journal, from, size-from), 64<<10)
	for end = from; ; {
		text, long, err := readLine(in)
		if errors.Is(err, io.EOF) { // cut off, or still being written
			return lines, bad, end, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, nil, 0, err
		}
		switch l, err := Parse(text); {
		case end == 0 && text == Head, strings.TrimSpace(text) == "":
		case end == 0 && strings.HasPrefix(text, prefix):
			return nil, nil, 0, ErrNewer
		case err != nil, long > 0:
			bad = append(bad, end)
		default:
			lines = append(lines, l.String())
		}
		end += int64(len(text)) + long
	}
}

// readLine reads a line, and of one that is too long the beginning. It returns how
// many bytes it has left out.
func readLine(in *bufio.Reader) (line string, leftOut int64, err error) {
	var text []byte
	for {
		part, err := in.ReadSlice('\n')
		room := min(len(part), maxLine-len(text))
		text, leftOut = append(text, part[:room]...), leftOut+int64(len(part)-room)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(text), leftOut, err
		}
	}
}

var errLine = errors.New("is no line of a journal")

// Parse reads a line.
func Parse(text string) (l Line, err error) {
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return l, err
	}
	digest := l.Healed
	if l.Damaged != nil {
		digest = l.Damaged.Digest
	}
	if digest != "" {
		_, err = manifest.ParseDigest(digest)
	} else if l.Run == nil && l.Verified == nil {
		err = errLine // or of a kind that a later version has
	}
	return l, err
}
