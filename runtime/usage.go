package runtime

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"go.starlark.net/starlark"
)

// Usage writes help for a script that is called as prog: "phlb exec
// documents.star".
func (s *Signature) Usage(w io.Writer, prog string) error {
	var b strings.Builder
	if s.Doc != "" {
		b.WriteString(strings.Trim(s.Doc, "\n") + "\n\n")
	}
	arguments, flags := s.split()
	b.WriteString("Usage:\n  " + prog)
	if len(flags) > 0 {
		b.WriteString(" [flags]")
	}
	for _, p := range arguments {
		b.WriteString(" " + argument(p))
	}
	b.WriteString("\n")

	writeParams(&b, "Arguments", arguments, func(p Param) string { return p.Name })
	writeParams(&b, "Flags", flags, func(p Param) string {
		if p.Kind == Bool && p.Default == starlark.True {
			return "--no-" + dashed(p.Name)
		}
		return strings.TrimSuffix(p.Flag()+" "+placeholder(p), " ")
	})
	_, err := io.WriteString(w, b.String())
	return err
}

// split divides the parameters as help shows them.
func (s *Signature) split() (arguments, flags []Param) {
	for i, argument := range s.arguments() {
		switch p := s.Params[i]; {
		case argument:
			arguments = append(arguments, p)
		case p.Kind != Fixed:
			flags = append(flags, p)
		}
	}
	return arguments, flags
}

// arguments tells by parameter whether it is an argument. All but the rest can
// be given as flags, but one writes "[source] --daily 14" and not
// "[source [daily]]": arguments are the required ones and the text that
// directly follows them.
func (s *Signature) arguments() []bool {
	are := make([]bool, len(s.Params))
	leading := true
	for i, p := range s.Params {
		if !p.Required() && p.Kind != String && p.Kind != List {
			leading = false
		}
		are[i] = p.Rest || leading && !p.Named
		if p.Kind == List {
			leading = false // it takes all that follow
		}
	}
	return are
}

func argument(p Param) string {
	name := p.Name
	if p.Kind == List || p.Rest {
		name += "..."
	}
	if p.Required() {
		return "<" + name + ">"
	}
	return "[" + name + "]"
}

// placeholder stands for the value of a flag, "" if it has none.
func placeholder(p Param) string {
	switch p.Kind {
	case Bool:
		return ""
	case List:
		return p.Elem.String()
	}
	return p.Kind.String()
}

func writeParams(b *strings.Builder, title string, params []Param, label func(Param) string) {
	if len(params) == 0 {
		return
	}
	b.WriteString("\n" + title + ":\n")
	var rows strings.Builder
	t := tabwriter.NewWriter(&rows, 0, 0, 3, ' ', 0)
	for _, p := range params {
		fmt.Fprintf(t, "  %s\t%s\n", label(p), strings.TrimSpace(p.Doc+notes(p)))
	}
	t.Flush()
	for line := range strings.Lines(rows.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// notes says what holds unless the flag is given, where that says something.
func notes(p Param) string {
	note := ""
	switch {
	case p.Rest:
	case p.Required():
		if p.Named {
			note = " (required)"
		}
	case p.Kind != Bool && bool(p.Default.Truth()):
		note = fmt.Sprintf(" (default %s)", showDefault(p.Default))
	}
	if p.Kind == List {
		note += " (may be repeated)"
	}
	return note
}

// showDefault writes a size as a user would.
func showDefault(v starlark.Value) string {
	if n, ok := v.(starlark.Int); ok {
		if i, ok := n.Int64(); ok {
			for _, u := range units {
				if i != 0 && i%u.bytes == 0 {
					return fmt.Sprintf("%d%s", i/u.bytes, u.name)
				}
			}
		}
	}
	return v.String()
}
