package catalog

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/manifest"
)

// What was done to the root and what verify found is in no manifest. It lies in
// the journal: a text file under the root that only grows, of which the catalog
// is an index as it is one of the manifests. Its first line is [JournalHead], and
// each of the others a JSON object with one of the members of a line. Snapshots
// are called by name and stamp there, since numbers are those of one catalog.

// JournalHead is the first line of a journal.
const JournalHead = "phlb record 1\n"

const journalPrefix = "phlb record "

// ErrJournal says that a later version of phlb has written the journal.
var ErrJournal = errors.New("the record of the backup root was written by a newer phlb: update phlb to use it")

// A line of the journal.
type line struct {
	Run      *runLine    `json:"run,omitempty"`
	Verified *verifyLine `json:"verified,omitempty"`
	Damaged  *damageLine `json:"damaged,omitempty"`
	Healed   string      `json:"healed,omitempty"` // a digest of which nothing is damaged any more
}

type runLine struct {
	Verb     string    `json:"verb"`
	Name     textJSON  `json:"name"`
	Stamp    textJSON  `json:"stamp,omitempty"`
	Host     textJSON  `json:"host"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Outcome  Outcome   `json:"outcome"`
	Error    textJSON  `json:"error,omitempty"`
}

type verifyLine struct {
	Name     textJSON  `json:"name"`
	Stamp    textJSON  `json:"stamp"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Sample   float64   `json:"sample"`
	Files    int64     `json:"files"`
	Read     int64     `json:"read"`
	Bytes    int64     `json:"bytes"`
	Problems int64     `json:"problems"`
	Healed   int64     `json:"healed"`
}

type damageLine struct {
	Name   textJSON  `json:"name"` // "" where nobody knows any more which snapshot it was
	Stamp  textJSON  `json:"stamp"`
	Path   textJSON  `json:"path"`
	Digest string    `json:"digest"`
	Found  time.Time `json:"found"`
	What   textJSON  `json:"what"`
}

// textJSON is text that need not be UTF-8. Where it is none, or begins with a
// quotation mark, it is quoted, with bytes as \xe4.
type textJSON string

// MarshalJSON writes it.
func (t textJSON) MarshalJSON() ([]byte, error) {
	s := string(t)
	if !utf8.ValidString(s) || strings.HasPrefix(s, `"`) {
		s = strconv.Quote(s)
	}
	return marshal(s)
}

// UnmarshalJSON reads it.
func (t *textJSON) UnmarshalJSON(b []byte) error {
	var s string
	err := json.Unmarshal(b, &s)
	if err == nil && strings.HasPrefix(s, `"`) {
		s, err = strconv.Unquote(s)
	}
	*t = textJSON(s)
	return err
}

// marshal is json.Marshal for people, who need no <, > and & escaped.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// text returns the line without its end.
func (l line) text() string {
	b, err := marshal(l)
	if err != nil {
		panic(err) // of a sample that is no number
	}
	return string(b)
}

// A snapshotPlace is a snapshot as the journal calls it.
type snapshotPlace struct{ name, stamp string }

func (r *Run) line() line {
	return line{Run: &runLine{
		r.Verb, textJSON(r.Name), textJSON(r.Stamp), textJSON(r.Host), r.Started.UTC(), r.Finished.UTC(), r.Outcome, textJSON(r.Error),
	}}
}

func (v *Verification) line(of snapshotPlace) line {
	return line{Verified: &verifyLine{
		textJSON(of.name), textJSON(of.stamp), v.Started.UTC(), v.Finished.UTC(), v.Sample, v.Files, v.Read, v.Bytes, v.Problems, v.Healed,
	}}
}

func (d *Damage) line(of snapshotPlace) line {
	return line{Damaged: &damageLine{
		textJSON(of.name), textJSON(of.stamp), textJSON(d.Path), d.Digest.String(), d.Found.UTC(), textJSON(d.What),
	}}
}

// Keep has write add to the journal what only the catalog knows. If that fails,
// the catalog goes on to keep it, and so does the published one. Call
// [Catalog.AbsorbJournal] then, before the catalog is published.
func (c *Catalog) Keep(ctx context.Context, write func(lines string) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	unwritten, err := c.db.unwritten(ctx)
	if err != nil {
		return err
	}
	lines, err := c.noted(ctx)
	if err != nil {
		return err
	}
	if lines = append(unwritten, lines...); len(lines) == 0 {
		return nil
	}
	if err := write(strings.Join(lines, "\n") + "\n"); err != nil {
		return err
	}
	c.runs, c.verified, c.found = nil, nil, nil
	if len(unwritten) == 0 {
		return nil
	}
	return c.db.Update(func(tx *qlfile.Tx) error {
		if err := tx.Exec(deleteUnwritten); err != nil {
			return err
		}
		return tx.Exec(updateJournal, int64(0), int64(0)) // those rows are there already
	})
}

// noted returns the lines of what was noted since the catalog was opened, but for
// runs that it has: after a failure, somebody may note them again.
func (c *Catalog) noted(ctx context.Context) ([]string, error) {
	lines := slices.Clone(c.found)
	if len(c.runs) > 0 {
		known := map[string]bool{}
		err := c.db.Select(ctx, selectRuns, nil, func(row []any) (bool, error) {
			r, err := readRun(row)
			known[r.line().text()] = true
			return true, err
		})
		if err != nil {
			return nil, err
		}
		c.runs = slices.DeleteFunc(c.runs, func(r Run) bool { return known[r.line().text()] })
	}
	for i := range c.runs {
		lines = append(lines, c.runs[i].line().text())
	}
	if len(c.verified) == 0 {
		return lines, nil
	}
	all, err := c.db.findSnapshots(ctx)
	if err != nil {
		return nil, err
	}
	places := placesByNumber(all)
	for i := range c.verified {
		if of, ok := places[c.verified[i].Snapshot]; ok {
			lines = append(lines, c.verified[i].line(of).text())
		}
	}
	return lines, nil
}

func placesByNumber(all []Snapshot) map[ID]snapshotPlace {
	places := make(map[ID]snapshotPlace, len(all))
	for i := range all {
		places[all[i].ID] = snapshotPlace{all[i].Name, all[i].Stamp}
	}
	return places
}

// AbsorbJournal takes from the journal, of size bytes, what the catalog does not
// know. It returns at which bytes lines begin that cannot be read, and are left
// out. A journal that is gone or another one loses nothing: what the catalog has
// is kept for the next [Catalog.Keep].
func (c *Catalog) AbsorbJournal(ctx context.Context, journal io.ReaderAt, size int64) (bad []int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row, err := c.db.Row(selectJournal, 2)
	if err != nil {
		return nil, err
	}
	from, _ := row[0].(int64)
	sum, _ := row[1].(int64)
	if from > 0 {
		now := int64(0)
		if from <= size {
			if now, err = sumBefore(journal, from); err != nil {
				return nil, err
			}
		}
		if from > size || now != sum {
			if err := c.db.keepHistory(ctx); err != nil {
				return nil, err
			}
			from = 0
			if size == 0 {
				return nil, c.db.Update(func(tx *qlfile.Tx) error { return tx.Exec(updateJournal, int64(0), int64(0)) })
			}
		}
	}
	// A snapshot that has come since may be of lines that were read before.
	if c.cameLate {
		from = 0
	}
	if from == size || size == 0 {
		return nil, nil
	}
	lines, bad, end, err := readJournal(ctx, journal, from, size)
	if err != nil || end == from {
		return bad, err
	}
	if sum, err = sumBefore(journal, end); err != nil {
		return bad, err
	}
	a := absorption{numbers: map[snapshotPlace]ID{}}
	for of, id := range c.gone {
		a.numbers[of] = id
	}
	all, err := c.db.findSnapshots(ctx)
	if err != nil {
		return bad, err
	}
	for id, of := range placesByNumber(all) {
		a.numbers[of] = id
	}
	if from == 0 {
		unwritten, err := c.db.unwritten(ctx)
		if err != nil {
			return bad, err
		}
		lines = append(append(lines, unwritten...), c.found...)
	}
	err = c.db.Update(func(tx *qlfile.Tx) error {
		if from == 0 {
			if err := tx.Exec(deleteHistory); err != nil {
				return err
			}
			a.seen = map[string]bool{}
		}
		for _, l := range lines {
			if err := a.apply(tx, l); err != nil {
				return err
			}
		}
		return tx.Exec(updateJournal, end, sum)
	})
	c.cameLate = c.cameLate && err != nil
	return bad, err
}

// sumBytes is how much of a journal tells it from another one.
const sumBytes = 4 << 10

// sumBefore returns the sum of what stands before an offset.
func sumBefore(journal io.ReaderAt, end int64) (int64, error) {
	n := min(end, sumBytes)
	b := make([]byte, n)
	if _, err := journal.ReadAt(b, end-n); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	sum := sha256.Sum256(b)
	return int64(binary.BigEndian.Uint64(sum[:])), nil
}

// readJournal returns the lines from an offset on, up to the last that is whole,
// and where that ends.
func readJournal(ctx context.Context, journal io.ReaderAt, from, size int64) (lines []string, bad []int64, end int64, err error) {
	in := bufio.NewReaderSize(io.NewSectionReader(journal, from, size-from), 64<<10)
	for end = from; ; {
		text, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) { // cut off, or still being written
			return lines, bad, end, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, nil, 0, err
		}
		switch l, err := parseLine(text); {
		case end == 0 && text == JournalHead, strings.TrimSpace(text) == "":
		case end == 0 && strings.HasPrefix(text, journalPrefix):
			return nil, nil, 0, ErrJournal
		case err != nil:
			bad = append(bad, end)
		default:
			lines = append(lines, l.text())
		}
		end += int64(len(text))
	}
}

var errLine = errors.New("is no line of a journal")

func parseLine(text string) (l line, err error) {
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

// An absorption writes lines to the tables.
type absorption struct {
	numbers map[snapshotPlace]ID
	seen    map[string]bool // lines; nil where none can come twice
}

func (a *absorption) number(name, stamp textJSON) ID {
	return a.numbers[snapshotPlace{string(name), string(stamp)}]
}

func (a *absorption) apply(tx *qlfile.Tx, text string) error {
	l, err := parseLine(text)
	if err != nil {
		return nil // it was left out before
	}
	// What was healed may be damaged once more, and the same way.
	if a.seen != nil && (l.Run != nil || l.Verified != nil) {
		if a.seen[text] {
			return nil
		}
		a.seen[text] = true
	}
	if r := l.Run; r != nil {
		return insertIntoRuns(tx, &Run{
			Verb: r.Verb, Name: string(r.Name), Stamp: string(r.Stamp), Snapshot: a.number(r.Name, r.Stamp), Host: string(r.Host),
			Started: r.Started, Finished: r.Finished, Outcome: r.Outcome, Error: string(r.Error),
		})
	}
	if v := l.Verified; v != nil {
		id := a.number(v.Name, v.Stamp)
		if id == 0 {
			return nil // it is forgotten with its snapshot
		}
		return insertIntoVerifications(tx, &Verification{
			Snapshot: id, Started: v.Started, Finished: v.Finished, Sample: v.Sample, Files: v.Files, Read: v.Read, Bytes: v.Bytes,
			Problems: v.Problems, Healed: v.Healed,
		})
	}
	if d := l.Damaged; d != nil {
		digest, err := manifest.ParseDigest(d.Digest)
		if err != nil {
			return err
		}
		return insertIntoDamage(tx, &Damage{digest, a.number(d.Name, d.Stamp), string(d.Path), d.Found, string(d.What)})
	}
	digest, err := manifest.ParseDigest(l.Healed)
	if err != nil {
		return err
	}
	return tx.Exec(deleteDigest, digest[:])
}

var (
	selectJournal   = qlfile.Compile(`SELECT journal_read, journal_sum FROM schema;`)
	updateJournal   = qlfile.Compile(`UPDATE schema SET journal_read = $1, journal_sum = $2;`)
	selectUnwritten = qlfile.Compile(`SELECT line FROM unwritten;`)
	insertUnwritten = qlfile.Compile(`INSERT INTO unwritten VALUES ($1);`)
	deleteUnwritten = qlfile.Compile(`DELETE FROM unwritten;`)
	deleteHistory   = qlfile.Compile(`DELETE FROM runs; DELETE FROM verifications; DELETE FROM damage;`)
)

// unwritten returns the lines that the journal is yet to be given.
func (d *database) unwritten(ctx context.Context) (lines []string, err error) {
	err = d.Select(ctx, selectUnwritten, nil, func(row []any) (bool, error) {
		l, ok := row[0].(string)
		lines = append(lines, l)
		if !ok {
			return false, ErrDamaged
		}
		return true, nil
	})
	slices.Reverse(lines) // QL begins with the last row of a table
	return lines, err
}

func addUnwritten(tx *qlfile.Tx, lines []string) error {
	for _, l := range lines {
		if err := tx.Exec(insertUnwritten, l); err != nil {
			return err
		}
	}
	return nil
}

// keepHistory has the journal be given all that the tables hold.
func (d *database) keepHistory(ctx context.Context) error {
	all, err := d.findSnapshots(ctx)
	if err != nil {
		return err
	}
	places := placesByNumber(all)
	var lines []string
	for _, table := range []struct {
		rows qlfile.Statement
		line func(row []any) (line, error)
	}{
		{selectDamage, func(row []any) (line, error) {
			x, err := readDamage(row)
			return x.line(places[x.Snapshot]), err
		}},
		{selectVerifications, func(row []any) (line, error) {
			v, err := readVerification(row)
			return v.line(places[v.Snapshot]), err
		}},
		{selectRuns, func(row []any) (line, error) {
			r, err := readRun(row)
			return r.line(), err
		}},
	} {
		err := d.Select(ctx, table.rows, nil, func(row []any) (bool, error) {
			l, err := table.line(row)
			if err == nil {
				lines = append(lines, l.text())
			}
			return true, err
		})
		if err != nil {
			return fmt.Errorf("read history: %w", err)
		}
	}
	slices.Reverse(lines)
	return d.Update(func(tx *qlfile.Tx) error {
		if err := tx.Exec(deleteUnwritten); err != nil { // the tables have it too
			return err
		}
		return addUnwritten(tx, lines)
	})
}
