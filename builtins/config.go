package builtins

import (
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"phlb/engine/config"
)

// configAttributes lists the settings, which phlb config explains.
func configAttributes(c *config.Config) []Attribute {
	var all []Attribute
	for _, setting := range c.Settings() {
		kind := "str"
		switch setting.Value.(type) {
		case []string:
			kind = "list"
		case int64:
			kind = "int"
		case float64:
			kind = "float"
		}
		all = append(all, Attribute{Name: settingName(setting), Type: kind, Doc: "the setting of that name in phlb.toml"})
	}
	return all
}

// settingName is a key as an attribute: limits.steps is config.limits_steps.
func settingName(s config.Setting) string { return strings.ReplaceAll(s.Key, ".", "_") }

// configValue returns the settings in effect, under the keys of phlb.toml.
func configValue(c *config.Config) starlark.Value {
	fields := starlark.StringDict{}
	for _, setting := range c.Settings() {
		switch value := setting.Value.(type) {
		case int64:
			fields[settingName(setting)] = starlark.MakeInt64(value)
		case float64:
			fields[settingName(setting)] = starlark.Float(value)
		case string:
			fields[settingName(setting)] = starlark.String(value)
		case []string:
			list := make([]starlark.Value, len(value))
			for i, text := range value {
				list[i] = starlark.String(text)
			}
			fields[settingName(setting)] = starlark.NewList(list)
		}
	}
	return starlarkstruct.FromStringDict(starlark.String("config"), fields)
}
