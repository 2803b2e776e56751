package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"phlb/cmd/phlb/mod"
	"phlb/engine/config"
)

func (c *command) modPublish() *cobra.Command {
	var flags config.Publication
	cmd := &cobra.Command{
		Use:   "publish [HOST/REPOSITORY]@VERSION [DIR]",
		Short: "Push a module to a registry.",
		Long: "Push the module in the folder DIR, by default that of phlb.toml here, to a registry,\n" +
			"with the credentials that docker would use. All of its files go there but .git and\n" +
			"vendor: --dry-run counts them. Where to, and what the annotations say, may\n" +
			"stand in its phlb.toml:\n\n" +
			"  [publish]\n" +
			"  oci = \"registry.example.org/backup/policies\"\n" +
			"  source = \"https://git.example.org/policies\"\n" +
			"  licence = \"MIT\"\n" +
			"  documentation = \"https://example.org/policies\"\n\n" +
			"It is an image manifest of the artifact type " + mod.ArtifactType + "\n" +
			"with an empty config and one layer of the type\n" + mod.LayerType + ". The annotations are those of\n" +
			"OCI (version, source, licenses, documentation, description) and\n" + mod.HashAnnotation + ". A version that is there already stays what it is.",
		Example: "  phlb mod publish registry.example.org/backup/policies@2.1.0",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			where, version, ok := strings.Cut(args[0], "@")
			if !ok || version == "" {
				return usagef("which version? phlb mod publish HOST/REPOSITORY@2.1.0")
			}
			dir := "."
			if len(args) == 2 {
				dir = args[1]
			}
			dir, err := filepath.Abs(dir)
			if err != nil {
				return err
			}
			p, dir, err := c.publication(dir, len(args) == 2)
			if err != nil {
				return err
			}
			for _, f := range []struct{ to, from *string }{
				{&p.OCI, &flags.OCI}, {&p.Source, &flags.Source}, {&p.Licence, &flags.Licence}, {&p.Documentation, &flags.Documentation}, {&p.Description, &flags.Description},
			} {
				if *f.from != "" {
					*f.to = *f.from
				}
			}
			if where = strings.TrimPrefix(where, "oci:"); where != "" {
				p.OCI = where
			}
			if p.OCI == "" {
				return usagef("where to? phlb mod publish HOST/REPOSITORY@%s, or oci = … under [publish] in %s", version, filepath.Join(dir, config.FileName))
			}
			if err := (config.Module{OCI: p.OCI, Version: version}).Check(); err != nil {
				return usage(err)
			}
			cache, err := c.modules()
			if err != nil {
				return err
			}
			out, err := cache.Publish(cmd.Context(), dir, p, version, c.dryRun)
			if err != nil {
				return err
			}
			if c.json {
				return c.writeJSON(out)
			}
			did := "published"
			switch {
			case c.dryRun:
				did = "would publish"
			case out.Already:
				did = "was published already:"
			}
			c.info("%s %d files of %s from %s", did, out.Files, humanize.IBytes(uint64(out.Bytes)), dir)
			return c.writeText("oci:" + out.OCI + "@" + out.Version + "\ndigest " + out.Digest + "\nhash " + string(out.Hash) + "\n")
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
			return nil, noFile
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&flags.Source, "source", "", "URL of the sources, for the annotations")
	cmd.Flags().StringVar(&flags.Licence, "licence", "", "licence, such as MIT")
	cmd.Flags().StringVar(&flags.Documentation, "documentation", "", "URL of the documentation")
	cmd.Flags().StringVar(&flags.Description, "description", "", "what it is, in a sentence")
	c.plainHTTPFlag(cmd.Flags())
	return cmd
}

// publication returns what the phlb.toml of a module says of it, and the folder of
// the module: the one that was named, or that of the phlb.toml above.
func (c *command) publication(dir string, named bool) (config.Publication, string, error) {
	sources, err := c.sources()
	if err != nil {
		return config.Publication{}, "", err
	}
	sources.Dir, sources.UserConfigDir, sources.SystemConfigDir = dir, "", ""
	if named {
		if _, err := os.Stat(filepath.Join(dir, config.FileName)); err != nil {
			return config.Publication{}, dir, nil // it needs none
		}
	}
	settings, err := config.Load(sources)
	if err != nil {
		return config.Publication{}, "", err
	}
	if settings.Path == "" {
		return config.Publication{}, "", usagef("there is no %s here or above: phlb mod publish HOST/REPOSITORY@VERSION DIR", config.FileName)
	}
	return settings.Publish, filepath.Dir(settings.Path), nil
}

func (c *command) modInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Make a module to start from.",
		Long: "Make a module of policies to share, in the folder DIR or here: functions for\n" +
			"scripts to load, a script that uses them, their test, a phlb.toml and a README\n" +
			"that says how to use and to share it. What is there already is left alone.",
		Example: "  phlb mod init policies && cd policies && phlb exec nightly_test.star",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			paths, err := mod.Init(append(args, ".")[0], c.dryRun)
			if err != nil {
				return err
			}
			return c.writePaths(paths)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
}
