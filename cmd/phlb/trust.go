package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"phlb/engine/config"
)

func (c *command) trust() *cobra.Command {
	return &cobra.Command{
		Use:   "trust DIR",
		Short: "Let a phlb.toml that is not your own permit what it says.",
		Long: "Let the phlb.toml in a directory permit programs, hosts and environment variables\n" +
			"to scripts, and set limits. In your own phlb.toml, in the folder of your\n" +
			"configuration, that counts anyway; one that came with a script sets paths and\n" +
			"rules only. The file is trusted as it is now: once it changes, ask again.",
		Args: arguments(1, "phlb trust DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			path := filepath.Join(args[0], config.FileName)
			if c.dryRun {
				c.info("would trust %s", path)
				return nil
			}
			sources, err := c.sources()
			if err != nil {
				return err
			}
			settings, err := config.Trust(sources.StateDir, path, sources.Home)
			if err != nil {
				return fmt.Errorf("trust: %w", err)
			}
			lines := []string{}
			for _, s := range settings {
				lines = append(lines, s.String())
			}
			if len(lines) == 0 {
				c.info("%s permits nothing", path)
				return nil
			}
			return c.writeText(c.shown(strings.Join(lines, "\n")) + "\n")
		},
	}
}
