package nt

import "strings"

// flagNames are the attributes that are recorded. What is missing follows from
// other things, or is about how a file system keeps the file.
var flagNames = []struct {
	flag uint32
	name string
}{
	{0x1, "read-only"},
	{0x2, "hidden"},
	{0x4, "system"},
	{0x2000, "not-indexed"},
	{attributeDirectory, "directory"}, // of links alone
}

// FlagText returns the names of attributes, joined by commas.
func FlagText(flags uint32) string {
	var names []string
	for _, f := range flagNames {
		if flags&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ",")
}

// FlagsOf is the inverse of [FlagText]. What a later phlb writes is left out.
func FlagsOf(text string) (flags uint32) {
	for _, name := range strings.Split(text, ",") {
		for _, f := range flagNames {
			if f.name == name {
				flags |= f.flag
			}
		}
	}
	return flags
}
