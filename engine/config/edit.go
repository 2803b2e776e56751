package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// SetModule returns the text of a phlb.toml in which a module is declared as m,
// and everything else stands as it did, comments too.
func SetModule(data []byte, name string, m Module) ([]byte, error) {
	return edit(data, name, &m)
}

// RemoveModule returns the text of a phlb.toml without a module that it declares.
func RemoveModule(data []byte, name string) ([]byte, error) {
	return edit(data, name, nil)
}

func edit(data []byte, name string, m *Module) ([]byte, error) {
	before, err := tables(data)
	if err != nil {
		return nil, err
	}
	text, err := edited(data, name, m)
	if err != nil {
		return nil, err
	}
	// What was read is to say the same but for the one module, however oddly the
	// file is written.
	after, err := tables(text)
	if err != nil || !reflect.DeepEqual(besides(before, name), besides(after, name)) || !declares(after, name, m) {
		line := "takes its lines out"
		if m != nil {
			line = "writes " + name + " = " + m.String() + " there"
		}
		return nil, fmt.Errorf("[%s] is written in a way that phlb does not change: please change it by hand, so that it %s", modulesTable, line)
	}
	return text, nil
}

func tables(data []byte) (map[string]any, error) {
	values := map[string]any{}
	return values, toml.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &values)
}

// besides returns what a file says, but for one module.
func besides(values map[string]any, name string) map[string]any {
	all, _ := values[modulesTable].(map[string]any)
	rest := map[string]any{}
	for key, value := range all {
		if key != name {
			rest[key] = value
		}
	}
	values = map[string]any{modulesTable: rest, "": values}
	for key, value := range values[""].(map[string]any) {
		if key != modulesTable {
			values[key] = value
		}
	}
	delete(values, "")
	return values
}

func declares(values map[string]any, name string, m *Module) bool {
	all, _ := values[modulesTable].(map[string]any)
	value, there := all[name]
	if m == nil {
		return !there
	}
	got, err := moduleOf(name, value)
	return err == nil && got == *m
}

// A statement is one expression of a file: a table's header, or a key with its
// value.
type statement struct {
	path       []string // in full
	header     bool
	start, end int // of its bytes, without a comment behind them
}

// statements lists what stands in a file.
func statements(data []byte) (all []statement, err error) {
	var p unstable.Parser
	p.Reset(data)
	var table []string
	keys := 0
	for p.NextExpression() {
		node := p.Expression()
		if keys += keysIn(node); keys > maxKeys {
			return nil, errKeys
		}
		s := statement{header: node.Kind != unstable.KeyValue}
		if !s.header {
			s.path = slices.Clone(table)
			s.start, s.end = int(node.Raw.Offset), int(node.Raw.Offset+node.Raw.Length)
		}
		for keys := node.Key(); keys.Next(); {
			key := keys.Node()
			if s.header {
				if s.end == 0 {
					s.start = int(key.Raw.Offset)
				}
				s.end = int(key.Raw.Offset + key.Raw.Length)
			}
			s.path = append(s.path, string(key.Data))
		}
		if s.header {
			table = s.path
		}
		all = append(all, s)
	}
	return all, p.Error()
}

// maxKeys is how many keys and tables a file of settings may have.
const maxKeys = 2000

// CheckKeys returns an error for a file in TOML that has more keys than settings have, or
// a lock of modules: how long its decoder takes grows with the square of them.
func CheckKeys(data []byte) error {
	if _, err := statements(data); errors.Is(err, errKeys) {
		return err
	}
	return nil
}

var errKeys = fmt.Errorf("more than %d keys, which no settings have", maxKeys)

// keysIn counts the keys and tables of a statement, with those of inline tables.
func keysIn(node *unstable.Node) (n int) {
	if node.Kind == unstable.KeyValue || node.Kind == unstable.Table || node.Kind == unstable.ArrayTable {
		n++
	}
	for inside := node.Children(); inside.Next(); {
		n += keysIn(inside.Node())
	}
	return n
}

// lineOf returns in which line of a file a key stands first, or what holds it, 0
// for none.
func lineOf(data []byte, path ...string) int {
	all, err := statements(data)
	if err != nil {
		return 0
	}
	for ; len(path) > 0; path = path[:len(path)-1] {
		for _, s := range all {
			if len(s.path) >= len(path) && slices.Equal(s.path[:len(path)], path) {
				return 1 + bytes.Count(data[:s.start], []byte("\n"))
			}
		}
	}
	return 0
}

// edited returns a text that should be right if the file is written as most are.
func edited(data []byte, name string, m *Module) ([]byte, error) {
	all, err := statements(data)
	if err != nil {
		return nil, err
	}
	var of []statement // the module
	insert := -1       // where one more line of the table goes
	for _, s := range all {
		if len(s.path) == 0 || s.path[0] != modulesTable {
			continue
		}
		if len(s.path) > 1 && s.path[1] == name {
			of = append(of, s)
		} else if len(s.path) == 1 && s.header || len(s.path) == 2 && !s.header {
			insert = endOfLine(data, s.end)
		}
	}
	if len(of) == 0 && m == nil {
		return nil, errors.New("it is not declared there")
	}
	if m != nil && len(of) == 1 && !of[0].header && len(of[0].path) == 2 {
		line := name + " = " + m.String()
		if bytes.HasPrefix(data[of[0].start:], []byte(modulesTable+".")) {
			line = modulesTable + "." + line
		}
		return slices.Concat(data[:of[0].start], []byte(line), data[of[0].end:]), nil
	}
	if m != nil && len(of) == 0 {
		line := name + " = " + m.String() + "\n"
		if insert < 0 {
			text := strings.TrimRight(string(data), "\n")
			if text != "" {
				text += "\n\n"
			}
			return []byte(text + "[" + modulesTable + "]\n" + line), nil
		}
		if insert > 0 && data[insert-1] != '\n' {
			line = "\n" + line
		}
		return slices.Concat(data[:insert], []byte(line), data[insert:]), nil
	}
	text := slices.Clone(data)
	for _, s := range slices.Backward(of) {
		text = slices.Delete(text, bytes.LastIndexByte(text[:s.start], '\n')+1, endOfLine(text, s.end))
	}
	if m != nil {
		return edited(text, name, m)
	}
	return text, nil
}

// endOfLine returns where the line after the one with a byte begins.
func endOfLine(data []byte, at int) int {
	if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(data)
}
