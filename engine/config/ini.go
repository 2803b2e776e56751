package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// option is one setting of an INI file.
type option struct {
	key   string // in lower case
	value string // several lines where it goes on below
	line  int    // that it begins in, 0 for a default
}

// parseINI reads the notation of Python's configparser: sections, KEY = VALUE or
// KEY: VALUE, comment lines of # or ;, and lines that are indented further than
// their key to go on with its value. What section a key is in makes no
// difference. name is for errors, of which all are reported.
//
// It is read by hand: libraries read the INI of Windows, where what goes on in
// the next line and the interpolation of configparser are something else.
func parseINI(name, text string) (options []option, err error) {
	var errs []error
	var section map[string]int // key to line; nil before the first section
	var last *option           // that the next line may go on with
	indent := 0                // of last
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		report := func(format string, args ...any) {
			errs = append(errs, &Error{Origin: at(name, i+1), Reason: fmt.Sprintf(format, args...)})
		}
		trimmed := strings.TrimSpace(line)
		depth := len(line) - len(strings.TrimLeft(line, " \t"))
		key, value, assigned := cutOption(trimmed)
		switch {
		case trimmed == "", trimmed[0] == '#', trimmed[0] == ';':
		case !utf8.ValidString(line) || strings.ContainsFunc(line, isControl):
			report("is no text: want PyHardLinkBackup.ini, in UTF-8")
		case last != nil && depth > indent:
			last.value += "\n" + trimmed
		case trimmed[0] == '[' && strings.Contains(trimmed, "]"):
			section, last = map[string]int{}, nil
		case !assigned || key == "":
			report("%q is neither a [section] nor KEY = value", trimmed)
			last = nil
		case section == nil:
			report("%s stands before the first [section]", strings.ToUpper(key))
		case section[key] > 0:
			report("%s is there twice, first in line %d", strings.ToUpper(key), section[key])
		default:
			section[key] = i + 1
			options = append(options, option{key: key, value: value, line: i + 1})
			last, indent = &options[len(options)-1], depth
		}
	}
	return options, errors.Join(errs...)
}

// cutOption splits a line at the first = or :.
func cutOption(line string) (key, value string, ok bool) {
	i := strings.IndexAny(line, "=:")
	if i < 0 {
		return "", "", false
	}
	return strings.ToLower(strings.TrimSpace(line[:i])), strings.TrimSpace(line[i+1:]), true
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
