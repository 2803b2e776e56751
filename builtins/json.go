package builtins

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"

	"phlb/engine"
)

// maxDepth is how deep values may lie in each other: a list can hold itself.
const maxDepth = 100

// Time is a time in UTC, as [time.Time] has itself written in JSON where it does
// so: of years that have more than four digits, which files can have, it refuses.
func Time(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// Plain returns what [encoding/json] makes of v: times in UTC, durations in
// seconds, bytes as hexadecimal digits, and values of ours by their attributes.
// What JSON has no word for becomes its text, and text that is not UTF-8 what
// [engine.Text] gives.
func Plain(v starlark.Value) (any, error) { return plain(v, maxDepth) }

func plain(v starlark.Value, depth int) (any, error) {
	if depth == 0 {
		return nil, errors.New("a value that holds itself cannot be written as JSON")
	}
	switch v := v.(type) {
	case *Report: // what only a script must not learn of a plan is told
		return v.Report, nil
	case *Restored:
		return v.Restored, nil
	case json.Marshaler:
		return v, nil
	case starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(v), nil
	case starlark.Int:
		return json.Number(v.String()), nil
	case starlark.Float:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return v.String(), nil
		}
		return float64(v), nil
	case starlark.String:
		return engine.Text(string(v)), nil
	case starlark.Bytes:
		return hex.EncodeToString([]byte(v)), nil
	case startime.Time:
		return Time(time.Time(v)), nil
	case startime.Duration:
		return time.Duration(v).Seconds(), nil
	case starlark.IterableMapping:
		object := map[string]any{}
		for _, item := range v.Items() {
			key, ok := starlark.AsString(item[0])
			if !ok {
				key = item[0].String()
			}
			key = engine.Text(key)
			value, err := plain(item[1], depth-1)
			if err != nil {
				return nil, err
			}
			object[key] = value
		}
		return object, nil
	case starlark.Iterable:
		array := []any{}
		for element := range starlark.Elements(v) {
			value, err := plain(element, depth-1)
			if err != nil {
				return nil, err
			}
			array = append(array, value)
		}
		return array, nil
	case starlark.Callable:
		return v.String(), nil
	case starlark.HasAttrs:
		return plainAttributes(v, depth)
	}
	return v.String(), nil
}

// plainAttributes leaves methods out.
func plainAttributes(v starlark.HasAttrs, depth int) (any, error) {
	object := map[string]any{}
	for _, name := range v.AttrNames() {
		attribute, err := v.Attr(name)
		if err != nil {
			return nil, err
		}
		if _, method := attribute.(starlark.Callable); method || attribute == nil {
			continue
		}
		if object[name], err = plain(attribute, depth-1); err != nil {
			return nil, err
		}
	}
	return object, nil
}
