package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Effects are what a script can do to files, by kind: read a directory that is no
// snapshot, make snapshots or adopt them, remove them, restore out of them, and
// heal them. Your own scripts may do all of it, one of a module what [Config.Allow]
// says.
var Effects = []string{"read", "link", "remove", "restore", "heal"}

// A Grant is what a script of one module may do, and compute. The zero Grant is
// nothing, and the usual limits for strangers.
type Grant struct {
	Effects []string // of [Effects]
	Run     []string // programs
	Net     []string // HOST or HOST:PORT
	Env     []string // environment variables
	Limits  Limits
}

// allowTable is the table of grants, one for each module.
const allowTable = "allow"

// String gives the grant as phlb.toml would have it.
func (g Grant) String() string {
	var parts []string
	for _, f := range []struct {
		key  string
		list []string
	}{{"effects", g.Effects}, {"run", g.Run}, {"net", g.Net}, {"env", g.Env}} {
		if len(f.list) > 0 {
			parts = append(parts, f.key+" = "+literal(f.list))
		}
	}
	var limits []string
	if g.Limits.Steps > 0 {
		limits = append(limits, fmt.Sprintf("steps = %d", g.Limits.Steps))
	}
	if g.Limits.Time > 0 {
		limits = append(limits, "time = "+literal(g.Limits.Time.String()))
	}
	if g.Limits.Memory > 0 {
		limits = append(limits, fmt.Sprintf("memory = %d", g.Limits.Memory))
	}
	if len(limits) > 0 {
		parts = append(parts, "limits = { "+strings.Join(limits, ", ")+" }")
	}
	if len(parts) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// Origin returns where a setting comes from, as in a [Setting]: the key is one of
// phlb.toml, such as "allow_run", or "allow.acme.run" of a grant.
func (c *Config) Origin(key string) string { return c.origin(key) }

// allow puts the grants into a Config, and reports what is wrong by key. It comes
// after declare: what is granted is granted to a module that is declared.
func (d *document) allow(values map[string]any, origin func(key ...string) string) (problems map[string]error) {
	d.cfg.Allow, problems = map[string]Grant{}, map[string]error{}
	table, ok := values[allowTable]
	if !ok {
		return problems
	}
	all, ok := table.(map[string]any)
	if !ok {
		problems[allowTable] = fmt.Errorf("want a table for each module, not %s", kind(table))
		return problems
	}
	declared, _ := values[modulesTable].(map[string]any)
	for name, value := range all {
		key := allowTable + "." + name
		if _, known := declared[name]; !known {
			problems[key] = fmt.Errorf("there is no module %s under [%s]: only to a module something is granted", tomlKey([]string{name}), modulesTable)
			continue
		}
		fields, ok := value.(map[string]any)
		if !ok {
			problems[key] = fmt.Errorf(`want a table such as { effects = ["read", "link"] }, not %s`, kind(value))
			continue
		}
		var g Grant
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			if err := g.set(field, fields[field]); err != nil {
				problems[key+"."+field] = err
			}
			d.cfg.origins[key+"."+field] = origin(allowTable, name, field)
		}
		d.cfg.Allow[name], d.cfg.origins[key] = g, origin(allowTable, name)
	}
	return problems
}

// set sets one field.
func (g *Grant) set(field string, value any) (err error) {
	switch field {
	case "effects":
		g.Effects, err = stringsValue(value)
		for _, effect := range g.Effects {
			if !slices.Contains(Effects, effect) {
				return fmt.Errorf("%q is no effect: want %s", effect, either(Effects))
			}
		}
	case "run":
		g.Run, err = stringsValue(value)
	case "net":
		g.Net, err = stringsValue(value)
	case "env":
		g.Env, err = stringsValue(value)
	case limitsTable:
		g.Limits, err = limitsValue(value)
	default:
		err = errors.New("unknown key: want effects, run, net, env or limits")
	}
	return err
}

func limitsValue(value any) (l Limits, err error) {
	table, ok := value.(map[string]any)
	if !ok {
		return l, fmt.Errorf(`want a table such as { time = "5m" }, not %s`, kind(value))
	}
	for _, field := range slices.Sorted(maps.Keys(table)) {
		switch field {
		case "steps":
			l.Steps, err = countValue(table[field])
		case "time":
			l.Time, err = durationValue(table[field])
		case "memory":
			l.Memory, err = sizeValue(table[field])
		default:
			err = errors.New("unknown key: want steps, time or memory")
		}
		if err != nil {
			return l, fmt.Errorf("%s: %w", field, err)
		}
	}
	return l, nil
}
