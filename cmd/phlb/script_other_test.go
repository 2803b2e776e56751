//go:build !linux

package main

import (
	"log"
	"os"
	"os/exec"
)

// unprivileged runs the program args.
func unprivileged(args []string) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		log.Fatal(err)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}
