package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/engine/config"
)

func (c *command) config() *cobra.Command {
	debug := false
	var old string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Edit phlb.toml, or show the settings in effect.",
		Long: "Open the phlb.toml that is in effect here in $VISUAL or $EDITOR. If there is\n" +
			"none, or that of the system which is not yours, one is made in the user's\n" +
			"configuration folder, with every setting commented out.",
		Args: arguments(0, "phlb config [--debug]"),
		RunE: func(*cobra.Command, []string) error {
			if old != "" {
				return c.importSettings(old)
			}
			if debug || c.json {
				return c.showSettings()
			}
			return c.editSettings()
		},
	}
	cmd.Flags().StringVar(&old, "import", "", "print the phlb.toml that says the same as a PyHardLinkBackup.ini")
	cmd.Flags().BoolVar(&debug, "debug", false, "show every setting and where it comes from")
	return cmd
}

// importSettings prints what the settings of another tool come to here.
func (c *command) importSettings(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("import the settings: %w", err)
	}
	defer file.Close()
	text, _, err := config.Import(path, file)
	if err != nil {
		return err
	}
	return c.writeText(string(text))
}

func (c *command) showSettings() error {
	sources, err := c.sources()
	if err != nil {
		return err
	}
	settings, err := config.Load(sources)
	if err != nil {
		return err
	}
	if c.json {
		return c.writeJSON(struct {
			File     string           `json:"file"`
			Settings []config.Setting `json:"settings"`
		}{settings.Path, settings.Settings()})
	}
	t := show.Table{Columns: []show.Column{{Title: "SETTING"}, {Title: "FROM"}}}
	for _, s := range settings.Settings() {
		t.Add(s.String(), s.Origin)
	}
	return t.Write(c.out(), 0)
}

func (c *command) editSettings() error {
	sources, err := c.sources()
	if err != nil {
		return err
	}
	path, err := config.Find(sources)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if path == "" || sources.OfSystem(path) && os.Geteuid() > 0 {
		if sources.UserConfigDir == "" {
			return usagef("there is no folder for the user's configuration: set HOME, or make a %s here", config.FileName)
		}
		path = filepath.Join(sources.UserConfigDir, "phlb", config.FileName)
		if c.dryRun {
			c.info("would make and edit %s", path)
			return nil
		}
		if err := config.Create(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		c.info("made %s", path)
	}
	if c.dryRun {
		c.info("would edit %s", path)
		return nil
	}
	editor := findEditor()
	if editor == nil {
		return usagef("no editor found: set VISUAL or EDITOR, or open %s yourself", path)
	}
	edit := exec.Command(editor[0], append(editor[1:], path)...)
	edit.Stdin, edit.Stdout, edit.Stderr = c.stdin, c.stdout, c.stderr
	if err := edit.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(editor, " "), err)
	}
	sources.PassedOver = nil // it was said before
	_, err = config.Load(sources)
	return err
}

// findEditor returns the user's editor and its arguments, nil if there is none.
func findEditor() []string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if editor := strings.Fields(os.Getenv(name)); len(editor) > 0 {
			return editor
		}
	}
	for _, name := range []string{"editor", "nano", "vi", "notepad"} {
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}
		}
	}
	return nil
}
