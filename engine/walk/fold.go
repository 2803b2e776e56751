package walk

import (
	"runtime"
	"strings"
)

// namesFold says that names that differ only in case are the same to the system, and so to
// the rules.
var namesFold = runtime.GOOS == "windows"

// fold returns a name or a pattern as it is compared with others.
func fold(text string) string {
	if namesFold {
		return strings.ToLower(text)
	}
	return text
}

// foldRule is fold for a line of a .gitignore: the letters of a class have no case
// either.
func foldRule(line string) string {
	if namesFold {
		line = strings.ReplaceAll(line, "[:upper:]", "[:lower:]")
	}
	return fold(line)
}
