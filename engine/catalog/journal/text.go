package journal

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text is text that need not be UTF-8. Where it is none, or begins with a
// quotation mark, it is quoted, with bytes as \xe4.
type Text string

// MarshalJSON writes it.
func (t Text) MarshalJSON() ([]byte, error) {
	s := string(t)
	if !utf8.ValidString(s) || strings.HasPrefix(s, `"`) {
		s = strconv.Quote(s)
	}
	return marshal(s)
}

// UnmarshalJSON reads it.
func (t *Text) UnmarshalJSON(b []byte) error {
	var s string
	err := json.Unmarshal(b, &s)
	if err == nil && strings.HasPrefix(s, `"`) {
		s, err = strconv.Unquote(s)
	}
	*t = Text(s)
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
