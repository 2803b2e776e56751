package main

import (
	"io"
	"strings"
)

// correctedShells is where the completion scripts for shells are written to, and
// writes them on with what is wrong in them put right.
type correctedShells struct{ to io.Writer }

// Write takes a whole script.
func (w correctedShells) Write(script []byte) (int, error) {
	_, err := shellCorrections.WriteString(w.to, string(script))
	return len(script), err
}

var shellCorrections = strings.NewReplacer(
	// fish: words are evaluated once more, and the last one is as it was typed,
	// perhaps with a quote that is still open.
	"set -l args (commandline -opc)\n", "set -l args (commandline -opc)\n    set args $args[1] (string escape -- $args[2..-1])\n",
	"set -l lastArg (string escape -- (commandline -ct))\n",
	`set -l word (commandline -ct)
    set -l lastArg (string escape -- (begin
        string unescape -- $word; or string unescape -- $word\'; or string unescape -- $word\"; or echo -- $word
    end))
`,
	// bash: what several completions begin with is inserted too.
	`        if (( ${#COMPREPLY[@]} == 1 )); then
            COMPREPLY[0]=$(printf "%q" "${COMPREPLY[0]}")
        fi
`, `        local i
        for i in "${!COMPREPLY[@]}"; do
            COMPREPLY[i]=$(printf "%q" "${COMPREPLY[i]}")
        done
`,
)
