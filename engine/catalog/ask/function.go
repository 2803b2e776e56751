package ask

import (
	"database/sql/driver"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"phlb/engine/catalog/ask/computed"
	"phlb/engine/manifest"

	"github.com/dustin/go-humanize"
	"modernc.org/sqlite"
)

// A Function is one that questions can call, beside those of SQLite.
type Function struct {
	Name      string `json:"name"`
	Signature string `json:"signature"`
	Doc       string `json:"doc"`     // one line
	Example   string `json:"example"` // a question that can be asked as it stands

	arguments int
	call      func(s *Session, args []driver.Value) (driver.Value, error)
}

// Functions describes what questions can call beside the functions of SQLite.
func Functions() []Function { return slices.Clone(functions) }

var functions = []Function{
	{"human", "human(bytes)", "a number of bytes as people say it: 1.5 GiB", "SELECT human(sum(size)) FROM versions WHERE until = 0", 1, human},
	{"now", "now()", "the present as a time: what --now says, or else the clock; 'now' in the functions of SQLite is the clock whatever --now says", "SELECT path, size FROM history WHERE gone >= datetime(now(), '-30 days')", 0, now},
	{"ago", "ago(time)", "how long ago a time was, in its largest unit: 3 days", "SELECT name, ago(max(started)) FROM snapshots GROUP BY name", 1, ago},
	{"dirname", "dirname(path)", "the path without its last part", "SELECT DISTINCT dirname(source) FROM snapshots", 1, ofText(folderOf)},
	{"basename", "basename(path)", "the last part of the path", "SELECT basename(path), count(*) AS n FROM versions GROUP BY 1 ORDER BY n DESC LIMIT 10", 1, ofText(path.Base)},
	{"depth", "depth(path, n)", "the first n parts of the path", "SELECT depth(path, 2) AS folder, human(sum(size)) FROM versions WHERE until = 0 GROUP BY 1", 2, depth},
	{"digest", "digest(text)", "a digest as the tables have it, from one in capitals, behind 'sha256:' or 'sha512:', or as a blob", "SELECT path FROM versions WHERE digest = digest('sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855')", 1, digest},
	{"regexp", "regexp(pattern, text)", "whether a regular expression of Go matches a part of the text; also text REGEXP pattern", `SELECT path FROM versions WHERE path REGEXP '(?i)\.(jpe?g|png)$' LIMIT 10`, 2, matches},
}

func (one *slot) registerFunction(f Function) {
	err := one.driver.RegisterFunction(f.Name, &sqlite.FunctionImpl{
		NArgs: int32(f.arguments), Deterministic: true, VolatileArgs: true,
		Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			v, err := f.call(one.session, args)
			if err != nil {
				err = fmt.Errorf("%s: %w", f.Signature, err)
			}
			return v, err
		},
	})
	if err != nil {
		panic(err) // two functions of one name
	}
}

// ofText makes a function of one from texts to texts.
func ofText(f func(string) string) func(*Session, []driver.Value) (driver.Value, error) {
	return func(_ *Session, args []driver.Value) (driver.Value, error) {
		s, ok := args[0].(string)
		if !ok {
			return args[0], nil
		}
		return f(s), nil
	}
}

func human(_ *Session, args []driver.Value) (driver.Value, error) {
	var n float64
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case int64:
		n = float64(v)
	case float64:
		n = v
	default:
		return nil, fmt.Errorf("wants a number, not %q", v)
	}
	if n < 0 {
		return "-" + humanize.IBytes(uint64(-n)), nil
	}
	return humanize.IBytes(uint64(n)), nil
}

func now(s *Session, _ []driver.Value) (driver.Value, error) { return textOfTime(s.options.Now), nil }

func ago(s *Session, args []driver.Value) (driver.Value, error) {
	text, ok := args[0].(string)
	if !ok {
		return nil, nil
	}
	t, ok := timeOfText(text)
	if !ok {
		return nil, fmt.Errorf("%q is no time as the tables have it", text)
	}
	d := s.options.Now.Sub(t)
	switch {
	case d < time.Minute:
		return "now", nil
	case d < time.Hour:
		return plural(d/time.Minute, "minute"), nil
	case d < 24*time.Hour:
		return plural(d/time.Hour, "hour"), nil
	}
	return plural(d/(24*time.Hour), "day"), nil
}

func plural(n time.Duration, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

func depth(_ *Session, args []driver.Value) (driver.Value, error) {
	p, ok := args[0].(string)
	n, isInt := args[1].(int64)
	if !ok || !isInt {
		return nil, nil
	}
	return strings.Clone(computed.FirstParts(p, n)), nil
}

func digest(_ *Session, args []driver.Value) (driver.Value, error) {
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case []byte:
		return fmt.Sprintf("%x", v), nil
	case string:
		by, digits, named := strings.Cut(v, ":")
		if !named {
			digits = v
		}
		d, err := manifest.ParseDigest(digits)
		if err != nil || named && !strings.EqualFold(by, d.Algorithm().String()) {
			return nil, fmt.Errorf("%.140q is no digest: want 64 hexadecimal digits of sha256, or 128 of sha512", v)
		}
		return d.String(), nil
	}
	return nil, fmt.Errorf("wants a text, not %v", args[0])
}

func matches(s *Session, args []driver.Value) (driver.Value, error) {
	pattern, ok := args[0].(string)
	text, isText := args[1].(string)
	if !ok || !isText {
		return nil, nil
	}
	if s.pattern == nil || s.pattern.String() != pattern {
		var err error
		if s.pattern, err = regexp.Compile(strings.Clone(pattern)); err != nil {
			return nil, err
		}
	}
	return s.pattern.MatchString(text), nil
}
