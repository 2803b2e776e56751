package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"phlb/cmd/phlb/serve"
	"phlb/cmd/phlb/serve/door"
	"phlb/engine"
)

func (c *command) serve() *cobra.Command {
	var o serving
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Show the backups in a browser.",
		Long: "Show the backups in a browser: what there is, what has changed, every version of a\n" +
			"file, where the room went. Files and folders can be downloaded; nothing can be\n" +
			"changed, and nothing is written under the backup root.\n\n" +
			"The address that is printed lets in one browser, once. Only this machine can\n" +
			"reach it, unless --listen says otherwise, which needs a --password-file; put a\n" +
			"proxy with TLS before it then. A unix socket lets in whoever may write to it,\n" +
			"such as a proxy that asks who is there.",
		Example: "  phlb serve --open --idle 30m\n" +
			"  phlb serve --password-file ~/.config/phlb/passwords --set-password ann\n" +
			"  phlb serve --listen 192.168.1.2:8080 --password-file ~/.config/phlb/passwords --host nas.lan\n" +
			"  phlb serve --listen unix:/run/phlb/web.sock",
		Args: arguments(0, "phlb serve [--listen ADDRESS] [--open] [--idle 30m]"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.setPassword != "" {
				return c.setPassword(o.passwords, o.setPassword)
			}
			c.readOnly = true
			e, err := c.engine(false)
			if err != nil {
				return err
			}
			defer e.Close()
			return c.serveAt(cmd.Context(), e, o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "HOST:PORT, unix:PATH, or systemd for a socket that it hands over")
	flags.BoolVar(&o.open, "open", false, "open the browser")
	flags.DurationVar(&o.idle, "idle", 0, "end when nobody has asked for anything for so long, such as 30m")
	flags.StringVar(&o.passwords, "password-file", "", "lines of NAME:HASH, as htpasswd -B writes them; they are asked for instead of an address with a token")
	flags.StringVar(&o.setPassword, "set-password", "", "put a user into the --password-file, and end")
	flags.StringSliceVar(&o.hosts, "host", nil, "a name by which the server may be called, beside addresses and localhost")
	return cmd
}

// serving says how.
type serving struct {
	listen, passwords, setPassword string
	open                           bool
	idle                           time.Duration
	hosts                          []string
}

// serveAt answers requests until something ends it.
func (c *command) serveAt(ctx context.Context, e *engine.Engine, o serving) error {
	config := serve.Config{
		Open: e.Another, Version: version, Now: time.Now, Hosts: o.hosts,
		Log: slog.New(&logger{console: c.console, level: c.level(e.Config.ConsoleLevel)}),
	}
	config.Host, _ = os.Hostname() // of snapshots whose source is here
	if c.backupPath != "" {
		config.Flags = []string{"--backup-path", e.Config.BackupPath}
	}
	var err error
	if o.passwords != "" {
		if config.Passwords, err = door.ReadPasswords(o.passwords); err != nil {
			return err
		}
	}
	listener, local, trusted, err := door.Listen(o.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	if !local && config.Passwords == nil {
		return usagef("--listen %s: others can reach that: give a --password-file, or listen at unix:PATH", o.listen)
	}
	config.Trusted = trusted
	if _, err := e.Records(ctx); err != nil {
		c.warn("%v", err) // which the pages say as well, until it is put right
	}
	s, err := serve.New(config)
	if err != nil {
		return err
	}
	address := o.listen
	if !trusted {
		address = "http://" + listener.Addr().String() + s.Ticket()
	}
	if c.json {
		err = c.writeJSON(map[string]string{"address": address})
	} else {
		_, err = fmt.Fprintln(c.out(), address)
	}
	if err != nil {
		return err
	}
	if o.open && !trusted {
		remove, err := door.OpenBrowser(address)
		if remove != nil {
			defer remove()
		}
		if err != nil {
			c.warn("%v", err)
		}
	}
	return s.Serve(ctx, listener, o.idle)
}

// setPassword asks for the password of a user, or reads a line where nobody can be
// asked.
func (c *command) setPassword(file, user string) error {
	if file == "" {
		return usagef("--set-password needs a --password-file to put it into")
	}
	if c.dryRun {
		c.info("would set the password of %s in %s", user, file)
		return nil
	}
	var password string
	if c.stdin == os.Stdin && isTerminal(os.Stdin) {
		fmt.Fprintf(c.err(), "Password of %s: ", user)
		typed, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(c.err())
		if err != nil {
			return err
		}
		password = string(typed)
	} else {
		line, err := bufio.NewReader(c.stdin).ReadString('\n')
		if err != nil && line == "" {
			return usagef("no password on stdin")
		}
		password = strings.TrimRight(line, "\r\n")
	}
	if err := door.SetPassword(file, user, password); err != nil {
		return err
	}
	c.info("%s has a password in %s", user, file)
	return nil
}
