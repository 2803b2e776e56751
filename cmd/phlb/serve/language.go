package serve

import (
	"fmt"
	"strings"
)

// language is one that pages are written in.
type language string

const (
	english language = "en"
	german  language = "de"
)

// preferred returns the first language of a browser that there is.
func preferred(accept string) language {
	for part := range strings.SplitSeq(accept, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		primary, _, _ := strings.Cut(tag, "-")
		switch l := language(strings.ToLower(primary)); l {
		case english, german:
			return l
		}
	}
	return english
}

// text returns a text, which is its own key in English.
func (l language) text(key string, args ...any) string {
	if l == german {
		if translated, ok := inGerman[key]; ok {
			key = translated
		}
	}
	if len(args) == 0 {
		return key
	}
	return fmt.Sprintf(key, args...)
}
