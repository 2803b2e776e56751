package builtins

import (
	"slices"
	"strings"

	"phlb/runtime"
)

// Owner is a part of the script API: what belongs to no value, to the values of
// a type, or to a module.
type Owner struct {
	Name       string // of the type or module; "" for what belongs to none
	Module     bool
	Functions  runtime.Table
	Attributes []Attribute
}

// Tables returns the functions that scripts can use, for a [runtime.Host]: those of
// no value under "", of a type under its name, of a module under its own.
func (s *Session) Tables() map[string]runtime.Table {
	return map[string]runtime.Table{"": s.Table(), "Snapshot": SnapshotMethods, "http": s.HTTPTable()}
}

// API returns what scripts can use, from the tables by which it is registered.
// The manual and the stubs for editors are made of it.
func (s *Session) API() []Owner {
	library, values := runtime.Library(), runtime.Values()
	version := append(entryAttributes.documentation(), versionAttributes.documentation()...)
	slices.SortFunc(version, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	return []Owner{
		{Functions: slices.Concat(s.Table(), library[""]), Attributes: values[""]},
		{Name: "config", Module: true, Attributes: configAttributes(s.Engine.Config)},
		{Name: "http", Module: true, Functions: s.HTTPTable()},
		{Name: "json", Module: true, Functions: library["json"]},
		{Name: "math", Module: true, Functions: library["math"], Attributes: values["math"]},
		{Name: "time", Module: true, Functions: library["time"], Attributes: values["time"]},
		{Name: "time.time", Functions: library["time.time"], Attributes: values["time.time"]},
		{Name: "time.duration", Attributes: values["time.duration"]},
		{Name: "Scan", Attributes: scanAttributes.documentation()},
		{Name: "File", Attributes: fileAttributes.documentation()},
		{Name: "Snapshot", Attributes: snapshotAttributes.documentation(), Functions: SnapshotMethods},
		{Name: "Entry", Attributes: entryAttributes.documentation()},
		{Name: "Version", Attributes: version},
		{Name: "Report", Attributes: reportAttributes.documentation()},
		{Name: "Restored", Attributes: restoredAttributes.documentation()},
		{Name: "problem", Attributes: problemAttributes.documentation()},
		{Name: "removal", Attributes: removalAttributes.documentation()},
		{Name: "stat", Attributes: statAttributes.documentation()},
		{Name: "change", Attributes: changeAttributes.documentation()},
		{Name: "found", Attributes: foundAttributes.documentation()},
		{Name: "usage", Attributes: usageAttributes.documentation()},
		{Name: "check", Attributes: checkAttributes.documentation()},
		{Name: "age", Attributes: ageAttributes.documentation()},
		{Name: "ran", Attributes: ranAttributes.documentation()},
		{Name: "answer", Attributes: answerAttributes.documentation()},
	}
}
