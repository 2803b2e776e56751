package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"phlb/cmd/phlb/show"
	"phlb/engine/store"
)

func (c *command) unlock() *cobra.Command {
	var force, root bool
	cmd := &cobra.Command{
		Use:   "unlock [NAME]",
		Short: "List the locks that are held, or break one whose holder is gone.",
		Long: "List who is writing to the backup root, or break the lock of the backup NAME.\n\n" +
			"A lock ends with the process that holds it, and one that was left behind on this\n" +
			"machine is taken over by the next run. Other hosts that share the root cannot\n" +
			"know: they see that the holder gives no sign of life any more. Make sure that it\n" +
			"is not merely asleep, then break its lock. A backup whose lock was broken seals\n" +
			"nothing.",
		Example: "  phlb unlock\n  phlb unlock documents",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) > 0 && root {
				return usagef("usage: phlb unlock [NAME | --root] [--force]")
			}
			return nil
		},
		ValidArgsFunction: c.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := c.engine(false)
			if err != nil {
				return err
			}
			if len(args) == 0 && !root || c.dryRun {
				held, err := e.Locks()
				if err != nil {
					return err
				}
				return c.writeLocks(held)
			}
			name := ""
			if !root {
				name = args[0]
				if err := store.CheckName(name); err != nil {
					return usagef("%v", err)
				}
			}
			broken, err := e.Unlock(cmd.Context(), name, force)
			for _, h := range broken {
				c.info("%s was locked by %s; its last sign of life is %s old", h.What, h.Who, h.Silence.Round(time.Second))
			}
			if locked := (*store.LockedError)(nil); errors.As(err, &locked) {
				holder := locked.Holder
				if holder == "" {
					holder = "another phlb"
				}
				return fmt.Errorf("%s is locked by %s, which seems to be alive: wait for it, or use --force if you know better", locked.What, holder)
			}
			switch {
			case err != nil:
				return err
			case c.json:
				return c.writeLocks(broken)
			case len(broken) == 0:
				c.info("nothing was locked")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&root, "root", false, "break the locks of the root itself, which are held for moments")
	cmd.Flags().BoolVar(&force, "force", false, "also where the holder seems to be alive")
	return cmd
}

func (c *command) writeLocks(held []store.Held) error {
	if c.json {
		type lock struct {
			Name    string    `json:"name,omitempty"`
			Holder  string    `json:"holder"`
			Host    string    `json:"host"`
			Since   time.Time `json:"since"`
			Silence float64   `json:"silence"` // in seconds
			Silent  bool      `json:"silent"`
			Gone    bool      `json:"gone"` // surely
		}
		all := []lock{}
		for _, h := range held {
			all = append(all, lock{h.Name, h.Who, h.Host, h.Since, h.Silence.Seconds(), h.Silent(), h.Gone})
		}
		return c.writeJSON(all)
	}
	if len(held) == 0 {
		c.info("nothing is locked")
		return nil
	}
	t := show.Table{Columns: []show.Column{{Title: "WHAT"}, {Title: "BY"}, {Title: "SINCE"}, {Title: "LAST SIGN OF LIFE", Words: true}}}
	for _, h := range held {
		seen := fmt.Sprintf("%s ago", max(0, h.Silence).Round(time.Second))
		switch {
		case h.Gone:
			seen += ", is gone: the next run takes it over"
		case h.Silent():
			seen += ", seems to be gone"
		}
		t.Add(show.Printable(h.What), show.Printable(h.Who), show.Minute(h.Since), seen)
	}
	return c.writeTable(&t)
}
