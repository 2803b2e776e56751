// Command phlb makes backups that are plain directories.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &command{stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now()}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	return c.exit(ctx, err)
}

// version is what --version says.
const version = "0.1.0"

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "phlb",
		Short:         "backups that are plain directories",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVar(&c.backupPath, "backup-path", "", "where the backups go, instead of backup_path in phlb.toml")
	root.PersistentFlags().BoolVar(&c.wait, "wait", false, "wait for a lock that another phlb holds")
	root.AddCommand(c.exec())
	for _, name := range []string{"backup", "verify", "add", "snapshots"} {
		root.AddCommand(c.stock(name))
	}
	return root
}

// stem returns the name of a script without its folder and ending.
func stem(path string) string { return strings.TrimSuffix(filepath.Base(path), ".star") }

func (c *command) warn(format string, args ...any) {
	fmt.Fprintf(c.stderr, "phlb: "+format+"\n", args...)
}
