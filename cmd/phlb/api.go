package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"phlb/builtins"
	"phlb/cmd/phlb/show"
	"phlb/runtime"
	"phlb/scripts"
)

func (c *command) api() *cobra.Command {
	stubs := false
	cmd := &cobra.Command{
		Use:   "api",
		Short: "List what scripts can use.",
		Long: "List the functions that scripts can call, and the attributes and methods of what\n" +
			"they return. Functions with a star change something, and so are refused while a\n" +
			"module is being loaded, and only planned with --dry-run.\n\n" +
			"A file outside of the script's folder has none of phlb's own functions but those\n" +
			"that it is handed. One that is to have an effect takes the function as a\n" +
			"parameter, by its name:\n\n" +
			"  def nightly(tree, *, link, verify):\n" +
			"      return verify(link(tree))\n\n" +
			"and the script says what it hands over: nightly(scan(\"~\"), link = link,\n" +
			"verify = verify).\n\n" +
			"With --stubs, it is written as a Python stub file, from which an editor can\n" +
			"complete and check scripts.",
		Example: "  phlb scripts api --stubs >phlb.pyi",
		Args:    arguments(0, "phlb scripts api [--stubs]"),
		RunE: func(*cobra.Command, []string) error {
			owners, err := c.owners()
			if err != nil {
				return err
			}
			switch {
			case stubs:
				return writeStubs(c.out(), owners)
			case c.json:
				return c.writeJSON(apiDocument(owners))
			}
			t := show.Table{Columns: []show.Column{{Title: "NAME"}, {Title: "WHAT IT IS", Words: true}}}
			for _, o := range owners {
				prefix := o.Name
				if prefix != "" {
					prefix += "."
				}
				if strings.HasPrefix(prefix, "@") {
					prefix = o.Name + ", "
				}
				for _, a := range o.Attributes {
					t.Add(prefix+a.Name, a.Doc)
				}
				for _, f := range o.Functions {
					star := ""
					if f.Effect {
						star = " *"
					}
					t.Add(prefix+f.Signature+star, f.Doc)
				}
			}
			if width := c.width(); width > 0 { // signatures are long, and nothing is to be cut
				_, err := io.WriteString(c.out(), show.Glossary(t.Rows, width))
				return err
			}
			return c.writeTable(&t)
		},
	}
	cmd.Flags().BoolVar(&stubs, "stubs", false, "write stubs for an editor")
	return cmd
}

// owners returns the script API, for which no root needs to be there.
func (c *command) owners() ([]builtins.Owner, error) {
	e, err := c.engine(true)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	owners := c.newSession(e).API()
	for _, o := range scripts.Library() {
		if last := &owners[len(owners)-1]; last.Name != o.Module {
			owners = append(owners, builtins.Owner{Name: o.Module, Module: true})
		}
		last := &owners[len(owners)-1]
		if o.Signature == "" {
			last.Attributes = append(last.Attributes, builtins.Attribute{Name: o.Name, Type: "struct", Doc: o.Doc})
		} else {
			last.Functions = append(last.Functions, runtime.Builtin{Name: o.Name, Signature: o.Signature, Doc: o.Doc})
		}
	}
	return owners, nil
}

type apiEntry struct {
	Owner     string `json:"owner,omitempty"` // a type or module
	Name      string `json:"name"`
	Signature string `json:"signature,omitempty"` // of a function
	Type      string `json:"type,omitempty"`      // of an attribute
	Doc       string `json:"doc"`
	Effect    bool   `json:"effect,omitempty"`
	Kind      string `json:"kind,omitempty"` // what --allow-KIND and --deny-KIND are about
}

func apiDocument(owners []builtins.Owner) (all []apiEntry) {
	for _, o := range owners {
		for _, a := range o.Attributes {
			all = append(all, apiEntry{Owner: o.Name, Name: a.Name, Type: a.Type, Doc: a.Doc})
		}
		for _, f := range o.Functions {
			all = append(all, apiEntry{Owner: o.Name, Name: f.Name, Signature: f.Signature, Doc: f.Doc, Effect: f.Effect, Kind: f.Kind})
		}
	}
	return all
}

// writeStubs writes the script API as a Python stub file.
func writeStubs(w io.Writer, owners []builtins.Owner) error {
	var b strings.Builder
	b.WriteString("\"\"\"What scripts of phlb " + version + " can use, for editors.\"\"\"\n\nfrom typing import Any\n")
	for _, o := range owners {
		if strings.HasPrefix(o.Name, "@") { // comes by load, which editors do not know
			continue
		}
		o.Name = strings.ReplaceAll(o.Name, ".", "_") // time is a module, time.time a type
		indent, self := "", ""
		if o.Name != "" {
			indent = "    "
			fmt.Fprintf(&b, "\nclass %s:\n", o.Name)
			if !o.Module {
				self = "self"
			}
		}
		for _, a := range o.Attributes {
			fmt.Fprintf(&b, "%s%s: %s\n%s\"\"\"%s\"\"\"\n", indent, a.Name, pythonType(a.Type), indent, docText(a.Doc))
		}
		for _, f := range o.Functions {
			if o.Name == "" && pythonHas.MatchString(f.Name) {
				continue
			}
			if o.Module {
				b.WriteString(indent + "@staticmethod\n")
			}
			fmt.Fprintf(&b, "%sdef %s:\n%s    \"\"\"%s\"\"\"\n", indent, pythonSignature(f.Signature, self), indent, docText(f.Doc))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// pythonHas are the functions that Python has too, with the same meaning.
var pythonHas = regexp.MustCompile(`^(abs|all|any|chr|dict|dir|enumerate|getattr|hasattr|int|float|len|list|max|min|ord|print|range|repr|reversed|set|sorted|str|tuple|type|zip)$`)

func pythonType(name string) string {
	if name == "time" || name == "duration" { // a module has their types
		name = "time_" + name
	}
	return `"` + name + `"`
}

// pythonSignature makes a receiver part of a signature.
func pythonSignature(signature, self string) string {
	name, params, _ := strings.Cut(signature, "(")
	switch {
	case self == "":
	case params == ")":
		params = self + params
	default:
		params = self + ", " + params
	}
	return name + "(" + params
}

// docText is a line that may stand between triple quotes.
func docText(doc string) string {
	return strings.NewReplacer(`\`, `\\`, `"""`, `'''`).Replace(strings.TrimSuffix(doc, `"`)) + strings.Repeat(`\"`, len(doc)-len(strings.TrimSuffix(doc, `"`)))
}
