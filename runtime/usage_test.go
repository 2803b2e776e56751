package runtime

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
)

func ExampleSignature_Usage() {
	host := new(Host)
	script, err := host.LoadSource(context.Background(), "documents.star", []byte(documents))
	if err != nil {
		fmt.Println(err)
		return
	}
	script.Usage(os.Stdout, "phlb exec documents.star")
	// Output:
	// Back up one directory.
	//
	// Usage:
	//   phlb exec documents.star [flags] [source]
	//
	// Arguments:
	//   source   the directory to snapshot (default "~/Documents")
	//
	// Flags:
	//   --daily int    (default 7)
	//   --weekly int   (default 4)
	//   --deep         read every byte back afterwards
}

func TestUsage(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"NoMain", "'Just runs.'\nx = 1", "Just runs.\n\nUsage:\n  phlb exec x.star\n"},
		{"DocEndsInLine", "'''\nRuns.\n'''", "Runs.\n\nUsage:\n  phlb exec x.star\n"},
		{"Nothing", "def main(): pass", "Usage:\n  phlb exec x.star\n"},
		{"Kinds", "def main(a, b = None, max_size = 4 * GiB, skip = ['x'], deep = True, d = {}, *rest, who): pass", `Usage:
  phlb exec x.star [flags] <a> [b] [rest...]

Arguments:
  a
  b
  rest

Flags:
  --max-size int   (default 4GiB)
  --skip string    (default ["x"]) (may be repeated)
  --no-deep
  --who string     (required)
`},
		{"List", "def main(sources = [], name = ''): pass", `Usage:
  phlb exec x.star [flags] [sources...]

Arguments:
  sources   (may be repeated)

Flags:
  --name string
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := signature(t, tt.src).Usage(&b, "phlb exec x.star"); err != nil {
				t.Fatal(err)
			}
			if b.String() != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", b.String(), tt.want)
			}
		})
	}
}
