package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/engine"
)

// tools are the commands around backups: what runs them, and what helps at it.
func (c *command) tools() []*cobra.Command {
	all := []*cobra.Command{c.helper(), c.serve(), c.schedule(), c.unlock(), c.doctor(), c.man(), c.trust(), c.mod()}
	for _, cmd := range all {
		cmd.GroupID = "rest"
	}
	return all
}

// writeText writes a text as it is, or as a JSON document of it.
func (c *command) writeText(text string) error {
	if c.json {
		return c.writeJSON(map[string]string{"text": text})
	}
	_, err := io.WriteString(c.out(), text)
	return err
}

// writePaths writes which files have been made, or in a dry run would be.
func (c *command) writePaths(paths []string) error {
	if c.json {
		for i, p := range paths {
			paths[i] = engine.Text(p)
		}
		return c.writeJSON(map[string][]string{"paths": paths})
	}
	_, err := fmt.Fprintln(c.out(), strings.Join(paths, "\n"))
	return err
}

// writeJSON writes a result as one document.
func (c *command) writeJSON(v any) error {
	e := json.NewEncoder(c.out())
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// writeTable writes a table to stdout.
func (c *command) writeTable(t *show.Table) error {
	t.Colours = coloured(c.stdout)
	return t.Write(c.out(), c.width())
}
