package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// query FILE PATH VALUE: in the JSON document that FILE is, PATH leads to
// VALUE, itself JSON. A PATH is made of keys and indexes: result.0.name.
func query(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: query FILE PATH VALUE")
	}
	got, err := json.Marshal(lookUp(ts, args[0], args[1]))
	ts.Check(err)
	if string(got) != args[2] {
		ts.Fatalf("%s is %s, want %s", args[1], got, args[2])
	}
}

// keys FILE PATH KEY...: PATH leads to an object that has these keys and no
// others.
func keys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: keys FILE PATH KEY...")
	}
	object, ok := lookUp(ts, args[0], args[1]).(map[string]any)
	if !ok {
		ts.Fatalf("%s is no object", args[1])
	}
	got, want := slices.Sorted(maps.Keys(object)), args[2:]
	slices.Sort(want)
	if !slices.Equal(got, want) {
		ts.Fatalf("%s has the keys %q, want %q", args[1], got, want)
	}
}

// lookUp follows a path, "." being the whole.
func lookUp(ts *testscript.TestScript, file, path string) any {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	var v any
	ts.Check(d.Decode(&v))
	if d.More() {
		ts.Fatalf("%s holds more than one JSON document", file)
	}
	if path == "." {
		return v
	}
	for key := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			ts.Check(err)
			if i >= len(at) {
				ts.Fatalf("%s: there are %d elements", path, len(at))
			}
			v = at[i]
		default:
			ts.Fatalf("%s: no %s in %v", path, key, at)
		}
	}
	return v
}
