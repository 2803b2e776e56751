package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Import translates the settings of pyhardlinkbackup 0.12, whose INI file r
// holds, into what a phlb.toml has to say to the same effect. notes say what has
// no counterpart or means something else now; they stand in the text too, as
// comments. What is missing in the file has the value that it had by default.
// (pyhardlinkbackup 1.x has no settings but its command line.)
//
// Each [Error] has the line; name is what they call the file. All are reported
// at once.
func Import(name string, r io.Reader) (text []byte, notes []string, err error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, nil, fmt.Errorf("import %s: %w", name, err)
	}
	options, err := parseINI(name, string(bytes.TrimPrefix(data, []byte("\ufeff"))))
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(options, func(o option) bool { return translations[o.key] != nil }) {
		return nil, nil, &Error{Origin: name, Reason: "no setting of pyhardlinkbackup is in it: want its PyHardLinkBackup.ini"}
	}
	return translateAll(name, options)
}

// oldDefaults hold where the file is silent.
var oldDefaults = []option{
	{key: "backup_path", value: "~/PyHardLinkBackups"},
	{key: "skip_dirs", value: "__pycache__, temp"},
	{key: "skip_patterns", value: "*.pyc, *.tmp, *.cache"},
	{key: "hash_name", value: "sha512"},
}

func translateAll(name string, options []option) (text []byte, notes []string, err error) {
	for _, o := range oldDefaults {
		if !slices.ContainsFunc(options, func(own option) bool { return own.key == o.key }) {
			options = append(options, o)
		}
	}
	text = fmt.Appendf(nil, "# Made from %s; what could not be taken over stands at the end.\n#\n%s", oneLine(strings.ToValidUTF8(name, "?")), template)
	var errs []error
	for _, o := range lastOfEach(options) {
		var t translation
		if translate := translations[o.key]; translate != nil {
			t = translate(o.value)
		} else {
			t.note("is no setting of pyhardlinkbackup 0.12, which passed over it, too")
		}
		if t.err != nil {
			errs = append(errs, &Error{Origin: at(name, o.line), Key: o.key, Reason: o.String() + ": " + t.err.Error()})
		}
		if t.key != "" {
			line := regexp.MustCompile(`(?m)^#` + t.key + ` = .*$`)
			text = line.ReplaceAllLiteral(text, []byte(t.key+" = "+literal(t.value)))
		}
		if o.line == 0 {
			t.note("is not set there, but held by default")
		}
		for _, n := range t.notes {
			notes = append(notes, o.String()+": "+n)
		}
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	notes = append(notes, "files of one content shared an inode whatever their mode and owner: "+
		`match = "content" has them do so again, by default they do where those agree`)
	for _, n := range notes {
		text = append(text, '\n')
		text = append(text, comment(n)...)
	}
	return text, notes, nil
}

// comment breaks a text into comment lines.
func comment(text string) []byte {
	const width = 78
	lines, length := []byte("#"), 1
	for word := range strings.FieldsSeq(text) {
		if length > 1 && length+1+len(word) > width {
			lines, length = append(lines, "\n#  "...), 3
		}
		lines, length = append(append(lines, ' '), word...), length+1+len(word)
	}
	return append(lines, '\n')
}

// lastOfEach drops options that another section sets again.
func lastOfEach(options []option) []option {
	var last []option
	for i, o := range options {
		if !slices.ContainsFunc(options[i+1:], func(later option) bool { return later.key == o.key }) {
			last = append(last, o)
		}
	}
	return last
}

// String returns the option as one line of the file.
func (o option) String() string { return strings.ToUpper(o.key) + " = " + oneLine(o.value) }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// translation is what becomes of an option.
type translation struct {
	key   string // "" if there is none to set
	value any
	notes []string
	err   error // pyhardlinkbackup would not have taken it either
}

func (t *translation) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// translations are by the old key. Without an entry, it never was one.
var translations = map[string]func(value string) translation{
	"backup_path":       translatePath,
	"sub_dir_formatter": translateFormat,
	"skip_dirs":         func(value string) translation { return translateGlobs("skip_dirs", value) },
	"skip_patterns": func(value string) translation {
		t := translateGlobs("skip_patterns", value)
		if len(t.value.([]string)) > 0 {
			t.note("was held against files alone, and leaves out folders of such a name as well now")
		}
		return t
	},
	"logging_console_level": func(value string) translation { return translateLevel("console_level", value) },
	"logging_file_level":    func(value string) translation { return translateLevel("log_level", value) },
	"hash_name":             translateHash,
	"database_name":         without("there is no SQLite database: phlb add makes a catalog of the old snapshots"),
	"default_new_path_mode": without("folders have the mode that they have in the source"),
	"enable_auto_login":     without("there is no server to log in to"),
	"language_code":         without("there is one language"),
	"print_update_interval": without("progress is shown as it is made"),
	"chunk_size":            without("needs no setting"),
	"min_chunk_size":        without("needs no setting"),
}

// without is for what has no counterpart.
func without(why string) func(string) translation {
	return func(string) translation { return translation{notes: []string{"has no counterpart, " + why}} }
}

func translatePath(value string) (t translation) {
	// Which home and folder does not matter for whether it can be taken.
	if value == "" || strings.Contains(value, "\n") {
		t.err = errors.New("want a path")
		return t
	}
	if _, err := absolute(value, "/", "/"); err != nil {
		t.note("was not taken over: %v", err)
		return t
	}
	t.key, t.value = "backup_path", value
	if !rooted.MatchString(value) {
		t.note("started in the working directory, and does in the folder of " + FileName + " now")
	}
	return t
}

// rooted is how a path begins, on any system, that starts nowhere else.
var rooted = regexp.MustCompile(`^(~|/|\\|[A-Za-z]:)`)

// translateHash takes the name of what hashlib of Python knows, in small letters or not.
func translateHash(value string) (t translation) {
	if name := strings.ToLower(value); slices.Contains(Hashes, name) {
		t.key, t.value = "hash", name
		return t
	}
	t.note("was not taken over, manifests are of %s; the digests of old snapshots are read all the same", strings.Join(Hashes, " or "))
	return t
}

func translateFormat(value string) (t translation) {
	if _, err := formatValue(value); err != nil {
		t.note("was not taken over: %v", err)
		return t
	}
	t.key, t.value = "snapshot_format", value
	return t
}

func translateLevel(key, value string) (t translation) {
	level := map[string]string{
		"NOTSET": "debug", "DEBUG": "debug", "INFO": "info", "WARN": "warn", "WARNING": "warn",
		"ERROR": "error", "CRITICAL": "error", "FATAL": "error",
	}[value]
	if level == "" {
		t.err = errors.New("want CRITICAL, ERROR, WARNING, INFO or DEBUG")
		return t
	}
	t.key, t.value = key, level
	return t
}

// translateGlobs takes a list with commas of what fnmatch(3) calls patterns,
// held against names.
func translateGlobs(key, value string) translation {
	t, globs := translation{key: key}, []string{}
	for _, pattern := range strings.Split(value, ",") {
		if pattern = strings.TrimSpace(pattern); pattern == "" {
			continue
		}
		glob, ok := globOf(pattern)
		switch {
		case strings.Contains(pattern, "/"):
			t.note("%q was held against names, which no slash is in: it never matched, and was not taken over", pattern)
		case !ok:
			t.note("%q was not taken over: its brackets have no counterpart, write it as alternatives, {a,b}", pattern)
		default:
			globs = append(globs, glob)
		}
	}
	t.value = globs
	return t
}

// class is what globs understand of brackets: characters, or one range.
var class = regexp.MustCompile(`^\[!?([^]\\!^-]+|[^]\\!^-]-[^]\\!^-])\]`)

// globOf writes an fnmatch pattern as a glob.
func globOf(pattern string) (glob string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '[':
			found := class.FindString(pattern[i:])
			switch {
			case found != "":
				b.WriteString(found)
				i += len(found) - 1
			case strings.IndexByte(pattern[i:], ']') >= 0:
				return "", false
			default: // nothing closes it
				b.WriteString(`\[`)
			}
		case '\\', '{', '}':
			b.WriteString(`\` + string(c))
		default:
			b.WriteByte(c)
		}
	}
	_, err := globsValue([]any{b.String()})
	return b.String(), err == nil
}
