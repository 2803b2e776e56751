//go:build !linux

package main

import "errors"

func bareTool() tool {
	return tool{name: "bare", unfit: "bare system calls are only made on Linux"}
}

func bare(_, _, _ string) error { return errors.ErrUnsupported }
