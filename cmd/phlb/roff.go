package main

import (
	"fmt"
	"strings"
	"time"
)

// roff is a page of the manual, in the language of man(7).
type roff struct{ strings.Builder }

// newRoff starts the page of name, such as phlb-backup, in a section.
func newRoff(name, section string, date time.Time) *roff {
	r := &roff{}
	fmt.Fprintf(r, ".nh\n.TH %q %q %q %q \"phlb manual\"\n", roffText(strings.ToUpper(name)), section, date.Format("Jan 2006"), "phlb "+version)
	return r
}

func (r *roff) heading(text string) { fmt.Fprintf(r, ".SH %q\n", text) }

// text adds paragraphs. What is indented in them stays as it is.
func (r *roff) text(paragraphs string) {
	for i, part := range strings.Split(paragraphs, "\n\n") {
		lead, indented, _ := strings.Cut("\n"+part, "\n  ")
		if lead = strings.TrimPrefix(lead, "\n"); lead != "" {
			if i > 0 {
				r.WriteString(".PP\n")
			}
			r.WriteString(roffText(lead) + "\n")
		}
		if indented != "" {
			r.example("  " + indented)
		}
	}
}

// item adds a term, and what it is.
func (r *roff) item(term, about string) {
	fmt.Fprintf(r, ".TP\n\\fB%s\\fP\n%s\n", roffText(term), roffText(about))
}

// example adds lines that stay as they are.
func (r *roff) example(lines string) {
	fmt.Fprintf(r, ".PP\n.EX\n%s\n.EE\n", roffText(lines))
}

// refer adds the pages to look at, such as phlb-exec.
func (r *roff) refer(section string, pages ...string) {
	r.heading("SEE ALSO")
	for i, name := range pages {
		pages[i] = fmt.Sprintf("\\fB%s\\fP(%s)", roffText(name), section)
	}
	r.WriteString(strings.Join(pages, ",\n") + "\n")
}

// roffText escapes what man(7) takes for its own. A hyphen is a minus: what is said
// of a flag can be copied.
func roffText(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
