package walk

import (
	"runtime"
	"strings"
)

// namesFold says that the system takes names that differ in case alone for one, and
// so do the rules.
var namesFold = runtime.GOOS == "windows"

// fold returns what is held against each other of names and patterns.
func fold(text string) string {
	if namesFold {
		return strings.ToLower(text)
	}
	return text
}

// foldRule is fold for a line of a .gitignore: the letters of a class have no case
// of their own either.
func foldRule(line string) string {
	if namesFold {
		line = strings.ReplaceAll(line, "[:upper:]", "[:lower:]")
	}
	return fold(line)
}
