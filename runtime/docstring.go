package runtime

import "strings"

// parseDoc splits a docstring into its text and the descriptions under its
// "Args:" heading:
//
//	Back up one directory.
//
//	Args:
//	  source: the directory to snapshot
//	  deep (bool): read every byte back
//	    afterwards
func parseDoc(doc string) (text string, args map[string]string) {
	args = make(map[string]string)
	var kept []string
	var name string
	depth, first := outside, false // of the entries; whether the next is the first
	for i, line := range dedent(doc) {
		trimmed := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case trimmed == "Args:" && indent == 0:
			depth, first = 1, true
			if i == 0 {
				depth = 0 // nothing else tells how deep the heading is
			}
			continue
		case depth != outside && trimmed == "":
			continue
		case indent < depth:
			depth = outside
		}
		if depth == outside {
			kept = append(kept, line)
			continue
		}
		if first {
			depth, first, name = indent, false, "" // it says how deep they are
		}
		if indent > depth {
			if name != "" {
				args[name] = strings.TrimSpace(args[name] + " " + trimmed)
			}
			continue
		}
		var about string
		if name, about = splitEntry(trimmed); name != "" {
			args[name] = about
		}
	}
	return strings.TrimSpace(strings.Join(kept, "\n")), args
}

// outside is the depth of what is not under the heading.
const outside = -1

// splitEntry splits "name (type): text", in which the type is optional and the
// name may have the stars of *args.
func splitEntry(line string) (name, about string) {
	head, about, ok := strings.Cut(line, ":")
	if !ok {
		return "", ""
	}
	name, _, _ = strings.Cut(head, "(")
	return strings.TrimLeft(strings.TrimSpace(name), "*"), strings.TrimSpace(about)
}

// dedent splits doc into lines, without the indentation that all but the first
// have in common.
func dedent(doc string) []string {
	lines := strings.Split(strings.ReplaceAll(doc, "\t", "        "), "\n")
	common := -1
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \r")
		if indent := len(line) - len(strings.TrimLeft(line, " ")); i > 0 && lines[i] != "" && (common < 0 || indent < common) {
			common = indent
		}
	}
	lines[0] = strings.TrimLeft(lines[0], " ")
	for i := range lines {
		if i > 0 && lines[i] != "" {
			lines[i] = lines[i][common:]
		}
	}
	return lines
}
