// Command phlb makes backups that are plain directories.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

func main() {
	collectGarbage()
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop) // so that a second one kills at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// collectGarbage sets how often garbage is collected. A run keeps little and makes much
// garbage: collecting at 60 % saves a seventh of the memory of a first run, for at most a
// few percent of its processor time. Up to 8 MiB, which every run comes to have, there is
// nothing to save.
func collectGarbage() {
	debug.SetGCPercent(200) // of 4 MiB at first
	garbage := new(*int)    // which the first collection finds
	runtime.AddCleanup(garbage, func(percent int) { debug.SetGCPercent(percent) }, 60)
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	began := time.Now()
	c := &command{console: newConsole(stdout, stderr), stdin: stdin, began: began, now: began}
	root := c.root(args)
	err := c.prepare(ctx, root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	c.json = c.json || err != nil && asksJSON(args) // which a wrong flag before it hides
	return c.finish(ctx, err)
}
