package main

import (
	"encoding/json"

	"github.com/spf13/cobra"
)

// tools are the commands around backups: what runs them, and what helps at it.
func (c *command) tools() []*cobra.Command {
	all := []*cobra.Command{c.helper(), c.schedule(), c.unlock(), c.man()}
	for _, cmd := range all {
		cmd.GroupID = "rest"
	}
	return all
}

// writeJSON writes a result as one document.
func (c *command) writeJSON(v any) error {
	e := json.NewEncoder(c.out())
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
