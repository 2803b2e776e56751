package show

import (
	"strings"
)

// Style is how text is set on a terminal: the parameters of SGR.
type Style string

const (
	Plain  Style = ""
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
	Faint  Style = "2"
)

// words are those that have a colour where they say what became of something.
var words = map[string]Style{
	"added": Green, "removed": Red, "changed": Yellow, "moved": Cyan, "metadata": Faint,
	"keep": Green, "remove": Red, "no": Red,
}

// styleOf returns the style of a word, and of a count of errors.
func styleOf(word string) Style {
	if strings.HasSuffix(word, " error") || strings.HasSuffix(word, " errors") {
		return Red
	}
	return words[word]
}

// Set returns the text in the style.
func (s Style) Set(text string) string {
	if s == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}
