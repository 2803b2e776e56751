// Package scripts holds the stock policies and the library that scripts load
// as @std//NAME.star. Each is short enough to be read before the next is
// written; `phlb scripts show NAME` prints one for copying.
package scripts

import (
	"embed"
	"io/fs"
	"strings"
)

// FS holds the scripts by their file names.
//
//go:embed *.star
var FS embed.FS

// Names lists the scripts without their endings, sorted, and without the tests
// of the library.
func Names() []string {
	files, _ := fs.Glob(FS, "*.star") // fails only for a bad pattern
	var names []string
	for _, file := range files {
		if name := strings.TrimSuffix(file, ".star"); !strings.HasSuffix(name, "_test") {
			names = append(names, name)
		}
	}
	return names
}

// Doc returns the first line of a script's docstring.
func Doc(name string) string {
	source, err := FS.ReadFile(name + ".star")
	if err != nil {
		return ""
	}
	_, doc, _ := strings.Cut(string(source), `"""`)
	doc, _, _ = strings.Cut(doc, `"""`)
	doc, _, _ = strings.Cut(doc, "\n")
	return doc
}
