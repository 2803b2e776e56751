package walk

import (
	"errors"
	"fmt"
	"strings"
)

// part is a pattern for one name of a path. It matches bytes, as in git, since names need
// not be UTF-8: "?" is half an "ä".
type part struct {
	deep  bool   // "**": any number of names
	text  string // the name, where there are no atoms
	star  bool   // whether text is only the end of the name
	atoms []atom
}

// atom matches one byte, or with star any number of bytes.
type atom struct {
	star bool
	set  *[256]bool // the bytes that match; nil for byte alone
	byte byte
}

var (
	errNothing   = errors.New("matches nothing, for no name is empty")
	errBackslash = errors.New(`ends in a lone \: write \\ for one in a name`)
	errOpen      = errors.New(`has a [ that is not closed: write \[ for one in a name`)
)

// anyByte is the set of "?".
var anyByte = inverted(&[256]bool{})

func inverted(set *[256]bool) *[256]bool {
	var other [256]bool
	for i, in := range set {
		other[i] = !in
	}
	return &other
}

// parseParts reads the pattern of a name, or of a path if it has a slash.
func parseParts(text string) (parts []part, err error) {
	for {
		p, rest, err := parsePart(text)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
		if rest == "" {
			return parts, nil
		}
		text = rest[1:]
	}
}

// parsePart reads up to the next slash.
func parsePart(text string) (p part, rest string, err error) {
	whole, literal := text, true
	for text != "" && text[0] != '/' {
		var a atom
		switch {
		case text[0] == '*':
			a.star, text = true, strings.TrimLeft(text, "*")
		case text[0] == '?':
			a.set, text = anyByte, text[1:]
		case text[0] == '[':
			a.set, text, err = parseSet(text[1:])
		case strings.HasPrefix(text, `\/`): // a slash like any other
			text = text[1:]
			continue
		default:
			a.byte, text, err = unescape(text)
		}
		if err != nil {
			return p, "", err
		}
		literal = literal && a.set == nil && (!a.star || len(p.atoms) == 0)
		p.atoms = append(p.atoms, a)
	}
	if len(p.atoms) == 0 {
		return p, "", errNothing
	}
	p.deep = len(p.atoms) == 1 && p.atoms[0].star && strings.HasPrefix(whole, "**")
	if literal {
		name := make([]byte, 0, len(p.atoms))
		for _, a := range p.atoms {
			if p.star = p.star || a.star; !a.star {
				name = append(name, a.byte)
			}
		}
		p.text, p.atoms = string(name), nil
	}
	return p, text, nil
}

// unescape takes a character, which is not empty, off the text.
func unescape(text string) (c byte, rest string, err error) {
	if text[0] == '\\' {
		text = text[1:]
	}
	if text == "" {
		return 0, "", errBackslash
	}
	return text[0], text[1:], nil
}

// parseSet reads what follows "[", to the closing bracket.
func parseSet(text string) (set *[256]bool, rest string, err error) {
	set = new([256]bool)
	negated := text != "" && (text[0] == '!' || text[0] == '^')
	if negated {
		text = text[1:]
	}
	low := -1 // the first byte of the range that a "-" would make; -1 where "-" is a byte of the set
	for first := true; first || text == "" || text[0] != ']'; first = false {
		if text == "" {
			return nil, "", errOpen
		}
		var c byte
		if name, after, ok := className(text); ok {
			class, known := classes[name]
			if !known {
				return nil, "", fmt.Errorf("has a class [:%s:] that is not known", name)
			}
			for i := range set {
				set[i] = set[i] || class(byte(i))
			}
			low, text = -1, after
		} else if low >= 0 && len(text) > 1 && text[0] == '-' && text[1] != ']' {
			if c, text, err = unescape(text[1:]); err != nil {
				return nil, "", err
			}
			for i := low; i <= int(c); i++ {
				set[i] = true
			}
			low = -1
		} else {
			if c, text, err = unescape(text); err != nil {
				return nil, "", err
			}
			set[c], low = true, int(c)
		}
	}
	if negated {
		set = inverted(set)
	}
	return set, text[1:], nil
}

// className reads "[:name:]", as it stands in a set.
func className(text string) (name, rest string, ok bool) {
	text, ok = strings.CutPrefix(text, "[:")
	end := strings.IndexByte(text, ']')
	if !ok || end < 0 {
		return "", "", false
	}
	name, ok = strings.CutSuffix(text[:end], ":")
	return name, text[end+1:], ok
}

// classes are those of POSIX, in ASCII.
var classes = map[string]func(byte) bool{
	"alnum":  func(c byte) bool { return isLetter(c) || isDigit(c) },
	"alpha":  isLetter,
	"blank":  func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl":  func(c byte) bool { return c < ' ' || c == 0x7f },
	"digit":  isDigit,
	"graph":  isGraph,
	"lower":  func(c byte) bool { return 'a' <= c && c <= 'z' },
	"print":  func(c byte) bool { return c == ' ' || isGraph(c) },
	"punct":  func(c byte) bool { return isGraph(c) && !isLetter(c) && !isDigit(c) },
	"space":  func(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' },
	"upper":  func(c byte) bool { return 'A' <= c && c <= 'Z' },
	"xdigit": func(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' },
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isGraph(c byte) bool  { return ' ' < c && c < 0x7f }

// match reports whether the part matches a name.
func (p *part) match(name string) bool {
	switch {
	case p.atoms != nil:
		return matchAtoms(p.atoms, name)
	case p.star:
		return strings.HasSuffix(name, p.text)
	}
	return name == p.text
}

// matchAtoms compares the end first, where most patterns fail. From the front it only ever
// goes back to the last star: what an earlier star could match instead, the last one can
// match as well. So the time is at most the product of both lengths.
func matchAtoms(atoms []atom, name string) bool {
	for n := len(atoms) - 1; !atoms[n].star; n = len(atoms) - 1 {
		if name == "" || !atoms[n].takes(name[len(name)-1]) {
			return false
		}
		if atoms, name = atoms[:n], name[:len(name)-1]; n == 0 {
			return name == ""
		}
	}
	star, from := -1, 0 // the last star, and what comes after it in name
	for i, j := 0, 0; i < len(atoms)-1; {
		switch {
		case atoms[i].star:
			star, from = i, j
			i++
		case j < len(name) && atoms[i].takes(name[j]):
			i, j = i+1, j+1
		case star >= 0 && from < len(name):
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return true // the star at the end takes the rest
}

func (a *atom) takes(c byte) bool {
	if a.set != nil {
		return a.set[c]
	}
	return a.byte == c
}

// matchPath reports whether the parts match a path. It works like matchAtoms.
func matchPath(parts []part, path string) bool {
	var deep []part // the parts behind the last "**"
	var from string // the rest of the path that deep is compared with
	for {
		for len(parts) > 0 && parts[0].deep {
			if parts = parts[1:]; len(parts) == 0 {
				return path != ""
			}
			deep, from = parts, path
		}
		if len(parts) == 0 && path == "" {
			return true
		}
		name, rest, _ := strings.Cut(path, "/")
		if len(parts) > 0 && path != "" && parts[0].match(name) {
			parts, path = parts[1:], rest
			continue
		}
		if deep == nil || from == "" {
			return false
		}
		_, from, _ = strings.Cut(from, "/")
		parts, path = deep, from
	}
}
