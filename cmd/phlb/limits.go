package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/engine/memory"
	"phlb/runtime"
)

// bytesValue is a flag for a number of bytes, such as 256MiB.
type bytesValue uint64

var _ pflag.Value = (*bytesValue)(nil)

func (b *bytesValue) Type() string { return "size" }

// String returns "" for none, so that help shows no default, and else the number
// as it is: phlb schedule writes it into the job.
func (b *bytesValue) String() string {
	if *b == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(*b), 10)
}

// Set takes what humanize writes.
func (b *bytesValue) Set(text string) error {
	n, err := humanize.ParseBytes(text)
	if err == nil && n == 0 {
		err = fmt.Errorf("%q is no limit", text)
	}
	*b = bytesValue(n)
	return err
}

func (c *command) limitFlags(flags *pflag.FlagSet) {
	flags.Uint64Var(&c.limits.Steps, "limit-steps", 0, "how many steps a script may compute, instead of [limits] in phlb.toml")
	flags.DurationVar(&c.limits.Time, "limit-time", 0, "how long a script may compute, such as 90s")
	flags.Var((*bytesValue)(&c.limits.Memory), "limit-memory", "how much memory phlb may have while a script computes or a question is answered, such as 256MiB")
}

// ownLimits are those of the script that the command line names, and of questions.
func (c *command) ownLimits(settings *config.Config) runtime.Limits {
	usual := runtime.Limits{Memory: memory.Available() / 2}
	if c.sandbox || c.completing {
		usual = runtime.Strangers
	}
	return c.limits.Over(runtime.Limits(settings.Limits)).Over(usual)
}

// limit sets the limits of a script: those of the command line, else those of
// phlb.toml, else what is usual for one's own, or for those of strangers. What is
// granted to a module comes before what phlb.toml says for all scripts.
func (c *command) limit(host *runtime.Host, e *engine.Engine) {
	if c.completing { // somebody waits for it, and is told nothing
		host.Limits = runtime.Limits{Steps: 1e6, Time: time.Second, Memory: runtime.Strangers.Memory}
		host.Strangers = host.Limits
		host.Exhausted = func(error) { os.Exit(1) }
		return
	}
	set := c.limits.Over(runtime.Limits(e.Config.Limits))
	host.Limits = c.ownLimits(e.Config)
	host.Strangers = set.Over(runtime.Strangers)
	for name, granted := range e.Config.Allow {
		if m := host.Modules[name]; m != nil && host.Root == filepath.Dir(e.Config.Path) { // else it is another of that name
			m.Limits = c.limits.Over(runtime.Limits(granted.Limits))
		}
	}
	host.Sandbox = c.sandbox
	host.Exhausted = func(err error) {
		c.hideLine()
		code := 1
		if errors.Is(err, context.Canceled) {
			code = 130
		}
		message := c.message(code, err, (*runtime.Error).Detail)
		if c.json {
			c.writeJSON(failure{message, code})
		}
		c.warn("%s", message)
		os.Exit(code)
	}
}
