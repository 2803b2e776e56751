package runtime

import (
	"strings"

	"go.starlark.net/starlark"
)

// A Signature is the command line of a script, taken from its main.
type Signature struct {
	Doc    string // what help says above the parameters
	Params []Param
}

// A Param is one parameter of main.
type Param struct {
	Name    string
	Kind    Kind
	Elem    Kind           // of each element of a List
	Default starlark.Value // nil if an argument is required
	Doc     string
	Named   bool // can only be given as a flag
	Rest    bool // *args: takes the positional arguments that are left
}

// A Kind is what a parameter accepts on the command line. Its default decides.
type Kind int

const (
	String Kind = iota
	Bool
	Int
	Float
	List  // a list or tuple; the flag may be repeated
	Fixed // not settable: no text stands for such a value
)

func (k Kind) String() string {
	return [...]string{"string", "bool", "int", "float", "list", "fixed"}[k]
}

// Flag returns the name of the parameter as a flag: "--daily-count" for
// daily_count, which is accepted as well.
func (p Param) Flag() string { return "--" + dashed(p.Name) }

// Required says whether there is no default.
func (p Param) Required() bool { return p.Default == nil && !p.Rest }

func dashed(name string) string { return strings.ReplaceAll(name, "_", "-") }

// newSignature reads main; fallback is the help of a main without a docstring.
func newSignature(main *starlark.Function, fallback string) Signature {
	text, docs := parseDoc(main.Doc())
	if text == "" {
		text, _ = parseDoc(fallback)
	}
	sig := Signature{Doc: text}

	// Starlark lists the parameters in the order a, b=1, named, *args, **kwargs.
	n := main.NumParams()
	if main.HasKwargs() {
		n-- // nothing on a command line fits it
	}
	rest := -1
	if main.HasVarargs() {
		n--
		rest = n
	}
	for i := range n {
		p := Param{Default: main.ParamDefault(i), Named: i >= n-main.NumKwonlyParams()}
		p.Name, _ = main.Param(i)
		p.Kind, p.Elem = kindOf(p.Default)
		p.Doc = docs[p.Name]
		sig.Params = append(sig.Params, p)
	}
	if rest >= 0 {
		name, _ := main.Param(rest)
		sig.Params = append(sig.Params, Param{Name: name, Doc: docs[name], Rest: true})
	}
	return sig
}

// kindOf returns the kind of a parameter with that default, and the kind of its
// elements.
func kindOf(v starlark.Value) (kind, elem Kind) {
	switch v := v.(type) {
	case nil, starlark.NoneType, starlark.String:
		return String, String
	case starlark.Bool:
		return Bool, Bool
	case starlark.Int:
		return Int, Int
	case starlark.Float:
		return Float, Float
	case *starlark.List, starlark.Tuple:
		seq := v.(starlark.Indexable)
		if seq.Len() == 0 {
			return List, String
		}
		if elem, _ := kindOf(seq.Index(0)); elem < List {
			return List, elem
		}
	}
	return Fixed, Fixed
}
