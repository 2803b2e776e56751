package runtime

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"go.starlark.net/starlark"
)

// Synopsis lists the positional arguments as help shows them: "<a> [rest...]".
func (s *Signature) Synopsis() string {
	var all []string
	for i, is := range s.arguments() {
		if is {
			all = append(all, argument(s.Params[i]))
		}
	}
	return strings.Join(all, " ")
}

// Help is what help says of a script before it lists the flags: what the script
// does, and what its positional arguments are.
func (s *Signature) Help() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for i, is := range s.arguments() {
		if p := s.Params[i]; is {
			note := notes(p)
			if text := p.shownDefault(); text != "" {
				note += fmt.Sprintf(" (default %s)", showDefault(p.Default))
			}
			fmt.Fprintf(t, "  %s\t%s\n", p.Name, strings.TrimSpace(p.Doc+note))
		}
	}
	t.Flush() // to a buffer, which does not fail
	text := strings.Trim(s.Doc, "\n")
	if b.Len() > 0 {
		text += "\n\nArguments:"
	}
	for line := range strings.Lines(b.String()) {
		text += "\n" + strings.TrimRight(line, " \n")
	}
	return strings.Trim(text, "\n")
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

// showDefault writes a size as a user would.
func showDefault(v starlark.Value) string {
	if n, ok := v.(starlark.Int); ok {
		if size, ok := n.Uint64(); ok && size >= 1<<10 {
			text := strings.NewReplacer(".0 ", "", " ", "").Replace(humanize.IBytes(size))
			if exact, err := humanize.ParseBytes(text); err == nil && exact == size {
				return text
			}
		}
	}
	return v.String()
}
