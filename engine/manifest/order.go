package manifest

import "strings"

// Compare orders entries as manifests hold them: directory by directory, each
// with its own entry first and then what it holds other than directories,
// byte by byte by name; the directories inside it follow in the same manner,
// again by name. So everything that one directory holds lies together, and a
// walk that has read a directory can emit it before it descends.
func Compare(a, b *Entry) int {
	if c := CompareFolders(a.Folder(), b.Folder()); c != 0 {
		return c
	}
	switch {
	case a.Kind == Dir && b.Kind == Dir:
		return 0
	case a.Kind == Dir:
		return -1
	case b.Kind == Dir:
		return 1
	}
	return strings.Compare(a.Path, b.Path)
}

// CompareFolders orders directories for [Compare]: a directory before what
// lies in it, and siblings byte by byte.
func CompareFolders(a, b string) int {
	if a == b {
		return 0
	}
	if a == "." {
		return -1
	}
	if b == "." {
		return 1
	}
	n := min(len(a), len(b))
	for i := range n {
		if a[i] == b[i] {
			continue
		}
		// A slash ends a name, and a name comes before any longer one.
		switch {
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		case a[i] < b[i]:
			return -1
		}
		return 1
	}
	if len(a) < len(b) {
		return -1
	}
	return 1
}
