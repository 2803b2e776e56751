package runtime

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"
	"go.starlark.net/starlark"

	"phlb/runtime/spelling"
)

// AddFlags adds a flag for each parameter that one can set, and to a switch the
// one that turns it off; help shows whichever of the two changes something, and
// not what it lists as an argument. What is called like a flag that is there already is left out. An underscore in a
// name is a dash.
func (b *Binding) AddFlags(flags *pflag.FlagSet) {
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(dashed(name))
	})
	add := func(name string, v pflag.Value, p Param) *pflag.Flag {
		if flags.Lookup(name) != nil {
			return &pflag.Flag{}
		}
		return flags.VarPF(v, name, "", strings.TrimSpace(p.Doc+notes(p)))
	}
	for i, p := range b.params {
		if !p.settable() {
			continue
		}
		var v pflag.Value = &flagValue{b, i, false}
		if p.Kind == List {
			v = listValue{&flagValue{b, i, false}}
		}
		flag := add(dashed(p.Name), v, p)
		flag.DefValue, flag.Hidden = p.shownDefault(), b.arguments[i]
		if p.Kind == Bool {
			flag.NoOptDefVal, flag.DefValue, flag.Hidden = "true", "false", p.Default == starlark.True
		}
	}
	for i, p := range b.params {
		if p.Kind == Bool {
			off := add("no-"+dashed(p.Name), &flagValue{b, i, true}, p)
			off.NoOptDefVal, off.DefValue, off.Hidden = "true", "false", p.Default != starlark.True
		}
	}
}

// flagValue sets a parameter.
type flagValue struct {
	binding *Binding
	param   int
	off     bool // sets a switch to the opposite
}

var _ pflag.Value = (*flagValue)(nil)

// Set implements [pflag.Value].
func (v *flagValue) Set(text string) error {
	err := v.binding.set(v.param, text)
	if on, ok := v.binding.values[v.param].(starlark.Bool); ok && v.off && err == nil {
		v.binding.values[v.param] = !on
	}
	return err
}

// String implements [pflag.Value]. Defaults are told by the flag.
func (v *flagValue) String() string { return "" }

// Type implements [pflag.Value]: help has it stand for the value.
func (v *flagValue) Type() string { return v.binding.params[v.param].Kind.String() }

// listValue adds to a parameter; cobra tells by GetSlice that it may be repeated.
type listValue struct{ *flagValue }

// Type implements [pflag.Value].
func (v listValue) Type() string { return v.binding.params[v.param].Elem.String() + "s" }

// GetSlice returns the elements so far.
func (v listValue) GetSlice() (elements []string) {
	for _, e := range v.binding.lists[v.param] {
		elements = append(elements, e.String())
	}
	return elements
}

// FlagError makes what pflag says of a command line a [*UsageError] that says
// which of the flags was meant.
func FlagError(flags *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	var lacking *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		name := "--" + unknown.GetSpecifiedName()
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			name = "-" + letters
		}
		names := []string{"help"} // without dashes, which would make short ones look alike
		flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		typed := strings.TrimLeft(dashed(name), "-")
		near := spelling.Nearest(typed, names)
		for _, n := range names {
			if strings.HasSuffix(typed, "-"+n) { // --keep-daily, as other tools call it
				near = n
			}
		}
		if near != "" {
			return Usagef("unknown flag %s: did you mean --%s?", name, near)
		}
		return Usagef("unknown flag %s: --help lists those there are, and -- comes before arguments that begin with a dash", name)
	case errors.As(err, &lacking):
		name := "--" + lacking.GetFlag().Name
		value, _ := pflag.UnquoteUsage(lacking.GetFlag())
		return Usagef("%s needs a value: %s %s", name, name, value)
	case errors.As(err, &invalid):
		return Usagef("--%s: %v", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return Usagef("%v", err)
}

// notes says what else there is to know of a flag.
func notes(p Param) string {
	switch {
	case p.Kind == List:
		return " (may be repeated)"
	case p.Required() && p.Named:
		return " (required)"
	}
	return ""
}

// shownDefault returns what holds unless a flag is given, "" where that says
// nothing.
func (p Param) shownDefault() string {
	if p.Default == nil || p.Kind == Bool || !bool(p.Default.Truth()) {
		return ""
	}
	if text, ok := starlark.AsString(p.Default); ok {
		return text
	}
	return showDefault(p.Default)
}
