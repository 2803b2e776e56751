package config

import (
	"fmt"
	"strconv"
	"strings"

	"phlb/runtime/spelling"
)

// Literal writes a list as it would stand in the file.
func Literal(words []string) string { return literal(words) }

// literal writes a value as it would stand in the file.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case []string:
		return list(v)
	case []any:
		return list(v)
	case Module:
		return v.String()
	case Grant:
		return v.String()
	case map[string]any:
		return "{…}"
	default:
		return fmt.Sprint(v)
	}
}

func list[T any](elems []T) string {
	parts := make([]string, len(elems))
	for i, e := range elems {
		parts[i] = literal(e)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// kind names the type of a value for a message.
func kind(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	default:
		return "a date or time"
	}
}

// either joins alternatives: "a, b or c".
func either(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// tomlKey writes a key of one or several parts.
func tomlKey(path []string) string {
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = p
		if p == "" || strings.ContainsFunc(p, func(r rune) bool {
			return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) {
			parts[i] = strconv.Quote(p)
		}
	}
	return strings.Join(parts, ".")
}

// suggestion names the known key that is meant by an unknown one, or all of
// them where none is near. Case and the choice of - or _ make no difference.
func suggestion(unknown string) string {
	names := append(keyNames(), modulesTable, allowTable, publishTable, checkTable)
	unknown = strings.ReplaceAll(strings.ToLower(unknown), "-", "_")
	if near := spelling.Nearest(unknown, names); near != "" {
		return "did you mean " + near + "?"
	}
	return "want " + either(names)
}
