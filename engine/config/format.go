package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ncruces/go-strftime"
)

// maxName leaves room, in the 255 bytes of a file name, for what is put behind
// the name of a snapshot: ".partial", ".sha256.gz", ".sha512.gz" and temporary endings.
const maxName = 200

// samples are two moments that differ in every field.
var samples = []time.Time{
	time.Date(2001, time.February, 3, 4, 5, 6, 78_000_000, time.UTC),
	time.Date(2038, time.November, 29, 23, 59, 58, 999_000_000, time.FixedZone("", -3*60*60)),
}

// formatValue takes a strftime format that gives a folder name at any time.
func formatValue(v any) (string, error) {
	format, err := stringValue(v)
	if err != nil {
		return "", err
	}
	if d := unknownDirective(format); d != "" {
		return "", fmt.Errorf("%q is nothing that strftime knows, a plain %% is %%%%", d)
	}
	for _, t := range samples {
		if err := checkName(strftime.Format(format, t)); err != nil {
			return "", err
		}
	}
	if strftime.Format(format, samples[0]) == strftime.Format(format, samples[1]) {
		return "", errors.New("gives every snapshot the same name, put the time into it")
	}
	return format, nil
}

// unknownDirective returns the first directive that would end up in the name
// as it stands: strftime passes on what it does not know.
func unknownDirective(format string) string {
	for i := 0; i < len(format); {
		if format[i] != '%' {
			i++
			continue
		}
		end := i + 1
		for end < len(format) && strings.IndexByte("-:EO", format[end]) >= 0 {
			end++
		}
		end = min(end+1, len(format))
		if d := format[i:end]; strftime.Format(d, samples[0]) == d {
			return d
		}
		i = end
	}
	return ""
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("gives an empty name")
	case name[0] == '.':
		return fmt.Errorf("gives the name %q, which must not start with a dot", name)
	case strings.ContainsAny(name, `/\`):
		return fmt.Errorf("gives the name %q, which must not have a slash in it", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("gives the name %q, which must not have control characters in it", name)
	case len(name) > maxName:
		return fmt.Errorf("gives a name of %d bytes, at most %d are possible", len(name), maxName)
	}
	for _, suffix := range []string{".partial", ".sha256.gz", ".sha512.gz", ".log"} {
		if strings.HasSuffix(name, suffix) {
			return fmt.Errorf("gives the name %q, but the ending %s has a meaning of its own", name, suffix)
		}
	}
	return nil
}
