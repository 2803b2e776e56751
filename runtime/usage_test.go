package runtime

import (
	"context"
	"fmt"
	"testing"

	"github.com/spf13/pflag"
)

func ExampleSignature_Binding() {
	script, err := new(Host).LoadSource(context.Background(), "documents.star", []byte(documents))
	if err != nil {
		fmt.Println(err)
		return
	}
	flags := pflag.NewFlagSet("documents", pflag.ContinueOnError)
	flags.SortFlags = false
	script.Binding().AddFlags(flags)
	fmt.Printf("%s\n\nUsage: documents %s\n\n%s", script.Help(), script.Synopsis(), flags.FlagUsages())
	// Output:
	// Back up one directory.
	//
	// Arguments:
	//   source   the directory to snapshot (default "~/Documents")
	//
	// Usage: documents [source]
	//
	//       --daily int     (default 7)
	//       --weekly int    (default 4)
	//       --deep         read every byte back afterwards
}

func TestUsage(t *testing.T) {
	tests := []struct{ name, src, help, synopsis, flags string }{
		{"NoMain", "'Just runs.'\nx = 1", "Just runs.", "", ""},
		{"DocEndsInLine", "'''\nRuns.\n'''", "Runs.", "", ""},
		{"Nothing", "def main(): pass", "", "", ""},
		{"Kinds", "def main(a, b = None, max_size = 4 * GiB, odd = 1025, skip = ['x'], deep = True, d = {}, *rest, who): pass",
			"Arguments:\n  a\n  b\n  rest", "<a> [b] [rest...]", `
      --max-size int    (default 4GiB)
      --odd int         (default 1025)
      --skip strings   (may be repeated) (default ["x"])
      --who string     (required)
      --no-deep        
`},
		{"List", "def main(sources = [], name = ''): pass", "Arguments:\n  sources   (may be repeated)", "[sources...]", `
      --name string   
`},
		{"Clash", "def main(x = False, no_x = 1): pass", "", "", `
      --x          
      --no-x int    (default 1)
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sig := signature(t, tt.src)
			flags := pflag.NewFlagSet("", pflag.ContinueOnError)
			flags.SortFlags = false
			sig.Binding().AddFlags(flags)
			usages := flags.FlagUsages()
			if usages != "" {
				usages = "\n" + usages
			}
			if help, synopsis := sig.Help(), sig.Synopsis(); help != tt.help || synopsis != tt.synopsis || usages != tt.flags {
				t.Errorf("got:\n%s\n%s\n%s\nwant:\n%s\n%s\n%s", help, synopsis, usages, tt.help, tt.synopsis, tt.flags)
			}
		})
	}
}
