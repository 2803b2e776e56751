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
