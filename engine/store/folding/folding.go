// Package folding is about names that some file system takes for one: Makefile and
// makefile, or one letter in two encodings.
package folding

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// longestName is how many bytes a name has at the most on most file systems.
const longestName = 255

// WithNumber returns the name with a number at its end, as makefile~1, and shorter where
// it would be too long.
func WithNumber(name string, n int) string {
	end := fmt.Sprintf("~%d", n)
	if most := longestName - len(end); len(name) > most {
		for name = name[:most]; len(name) > 0 && !utf8.ValidString(name[max(0, len(name)-utf8.UTFMax):]); {
			name = name[:len(name)-1]
		}
	}
	return name + end
}

// Key returns what all names have in common that some file system takes for one.
// Others that do not tell these apart may have it in common too.
func Key(name string) string {
	ascii := true
	for i := range len(name) {
		ascii = ascii && name[i] < utf8.RuneSelf
	}
	key := strings.ToLower(name)
	if !ascii {
		key = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
				return -1
			}
			return r
		}, norm.NFKD.String(cases.Fold().String(norm.NFKD.String(strings.ToUpper(name)))))
	}
	return strings.TrimRight(key, ". ")
}
