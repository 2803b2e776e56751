package main

import (
	"fmt"
	"regexp"
	"strings"
)

// roff is a manual page that is being written.
type roff struct {
	strings.Builder
	references int
}

func newRoff(name string, section int, about string) *roff {
	p := &roff{}
	fmt.Fprintf(p, ".TH %s %d \"\" \"phlb %s\" \"phlb manual\"\n.nh\n.ad l\n", strings.ToUpper(name), section, version)
	p.section("Name")
	p.WriteString(roffText(name) + " \\- " + roffText(strings.TrimSuffix(about, ".")) + "\n")
	return p
}

func (p *roff) section(title string) {
	p.references = 0
	fmt.Fprintf(p, ".SH \"%s\"\n", strings.ReplaceAll(roffText(strings.ToUpper(title)), `"`, `\(dq`))
}

// text writes paragraphs. Lines that are indented stay as they are.
func (p *roff) text(text string) {
	for paragraph := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		p.WriteString(".PP\n")
		verbatim := false
		for line := range strings.Lines(paragraph) {
			line = strings.TrimRight(line, "\n")
			if indented := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"); indented != verbatim {
				p.WriteString(map[bool]string{true: ".RS 4\n.nf\n", false: ".fi\n.RE\n"}[indented])
				verbatim = indented
			}
			if line = strings.TrimSpace(line); line != "" {
				p.WriteString(roffText(line) + "\n")
			}
		}
		if verbatim {
			p.WriteString(".fi\n.RE\n")
		}
	}
}

// item writes a term and what it means.
func (p *roff) item(term, about string) {
	p.WriteString(".TP\n\\fB" + strings.TrimPrefix(roffText(term), `\&`) + "\\fR\n" + roffText(about) + "\n")
}

// reference names another page, after those before.
func (p *roff) reference(name string, section int) {
	if p.references > 0 {
		s := strings.TrimSuffix(p.String(), "\n")
		p.Reset()
		p.WriteString(s + ",\n")
	}
	p.references++
	fmt.Fprintf(p, ".BR %s (%d)\n", roffText(name), section)
}

var (
	heading   = regexp.MustCompile(`^[A-Z][A-Za-z ]*:$`)
	described = regexp.MustCompile(`^ +(\S.*?) {2,}(\S.*)$`)
)

// help writes what --help says: a description, and sections of items or
// examples. The flags of every command are those of phlb, and only there.
func (p *roff) help(help string) {
	title, body := "Description", []string{}
	var sections [][2]string
	for line := range strings.Lines(help + "\n") {
		line = strings.TrimRight(line, " \n")
		switch {
		case strings.HasPrefix(line, `Use "phlb`):
		case heading.MatchString(line):
			sections = append(sections, [2]string{title, strings.Join(body, "\n")})
			title, body = strings.TrimSuffix(line, ":"), nil
		default:
			body = append(body, line)
		}
	}
	sections = append(sections, [2]string{title, strings.Join(body, "\n")})
	for i, s := range sections { // as manuals have it
		if s[0] == "Usage" {
			s[0] = "Synopsis"
			copy(sections[1:i+1], sections[:i])
			sections[0] = s
		}
	}
	for _, s := range sections {
		body := strings.Trim(s[1], "\n")
		if body == "" || strings.EqualFold(s[0], "Global flags") {
			continue
		}
		p.section(s[0])
		if s[0] == "Description" || s[0] == "Examples" || s[0] == "Synopsis" {
			p.text(body)
			continue
		}
		for line := range strings.Lines(body) {
			if found := described.FindStringSubmatch(strings.TrimRight(line, "\n")); found != nil {
				p.item(found[1], found[2])
			} else if term := strings.TrimSpace(line); term != "" {
				p.item(term, "")
			}
		}
	}
}

// roffText escapes what roff takes for its own; what is not ASCII is written
// so that every roff takes it.
func roffText(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '.' && i == 0:
			b.WriteString(`\&.`)
		case r == '~':
			b.WriteString(`\(ti`)
		case r == '^':
			b.WriteString(`\(ha`)
		case r == '`':
			b.WriteString(`\(ga`)
		case r > 126:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
