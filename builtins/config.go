package builtins

import (
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"phlb/engine/config"
)

// configAttributes lists the settings, which phlb config explains.
func configAttributes(c *config.Config) []Attribute {
	var all []Attribute
	for _, setting := range c.Settings() {
		kind := "str"
		if _, list := setting.Value.([]string); list {
			kind = "list"
		}
		all = append(all, Attribute{Name: setting.Key, Type: kind, Doc: "the setting of that name in phlb.toml"})
	}
	return all
}

// configValue returns the settings in effect, under the keys of phlb.toml.
func configValue(c *config.Config) starlark.Value {
	fields := starlark.StringDict{}
	for _, setting := range c.Settings() {
		switch value := setting.Value.(type) {
		case string:
			fields[setting.Key] = starlark.String(value)
		case []string:
			list := make([]starlark.Value, len(value))
			for i, text := range value {
				list[i] = starlark.String(text)
			}
			fields[setting.Key] = starlark.NewList(list)
		}
	}
	return starlarkstruct.FromStringDict(starlark.String("config"), fields)
}
