// Package scripts holds the stock policies and the library that scripts load
// as @std//NAME.star. Each is short enough to be read before the next is
// written; `phlb scripts show NAME` prints one for copying.
package scripts

import "embed"

// FS holds the scripts by their file names.
//
//go:embed *.star
var FS embed.FS
