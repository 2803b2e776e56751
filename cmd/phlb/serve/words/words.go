// Package words has what pages say, in the Languages that they are written in.
package words

import (
	"fmt"
	"strings"
)

// Language is one that pages are written in.
type Language string

const (
	english Language = "en"
	german  Language = "de"
)

// Preferred returns the first language of a browser that there is.
func Preferred(accept string) Language {
	for part := range strings.SplitSeq(accept, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		primary, _, _ := strings.Cut(tag, "-")
		switch l := Language(strings.ToLower(primary)); l {
		case english, german:
			return l
		}
	}
	return english
}

// Text returns a text, which is its own key in English.
func (l Language) Text(key string, args ...any) string {
	if l == german {
		if translated, ok := German[key]; ok {
			key = translated
		}
	}
	if len(args) == 0 {
		return key
	}
	return fmt.Sprintf(key, args...)
}
