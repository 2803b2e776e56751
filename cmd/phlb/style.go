package main

import (
	"io"
	"log/slog"
	"os"
	"strings"
)

// style is how text is set on a terminal: the parameters of SGR.
type style string

const (
	plain  style = ""
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
	faint  style = "2"
)

// words are those that have a colour where they say what became of something.
var words = map[string]style{
	"added": green, "removed": red, "changed": yellow, "moved": cyan, "metadata": faint,
	"keep": green, "remove": red, "no": red,
}

// levels are the colours of messages.
var levels = map[slog.Level]style{slog.LevelError: red, slog.LevelWarn: yellow}

// styleOf returns the style of a word, and of a count of errors.
func styleOf(word string) style {
	if strings.HasSuffix(word, " error") || strings.HasSuffix(word, " errors") {
		return red
	}
	return words[word]
}

// coloured reports whether w is a terminal, and colours are wanted.
func coloured(w io.Writer) bool {
	if through, ok := w.(writer); ok {
		w = through.to
	}
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// paint sets text in a style, where w is to be coloured.
func paint(w io.Writer, s style, text string) string {
	if !coloured(w) {
		return text
	}
	return s.set(text)
}

func (s style) set(text string) string {
	if s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}
