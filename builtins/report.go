package builtins

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/runtime"
)

// Report is what verify or add has found.
type Report struct {
	*engine.Report
	session *Session
	planned *starlark.Thread // of the script, where a dry run has nothing to read back
}

var _ starlark.HasAttrs = (*Report)(nil)

// String counts the problems.
func (r *Report) String() string {
	found, _, _ := r.Counts()
	return fmt.Sprintf("<Report: %s>", english.Plural(int(found), "problem", ""))
}

// Type returns "Report".
func (r *Report) Type() string { return "Report" }

// Freeze does nothing: a Report never changes.
func (r *Report) Freeze() {}

// Truth reports whether nothing was found.
func (r *Report) Truth() starlark.Bool { return starlark.Bool(r.OK()) }

// Hash fails: there is nothing to tell Reports apart by.
func (r *Report) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: Report") }

var reportAttributes = attributes[*Report]{
	"ok":          boolOf("whether no problem was found", func(r *Report) bool { return r.OK() }),
	"files":       intOf("how many files were looked at", func(r *Report) int64 { return r.Files }),
	"read":        intOf("how many files were read back", func(r *Report) int64 { return r.Read }),
	"bytes":       intOf("bytes that were read back", func(r *Report) int64 { return r.Bytes }),
	"read_before": intOf("bytes that were not read back, since a snapshot of the same call has the same inodes", func(r *Report) int64 { return r.Before }),
	"linked":      intOf("duplicates that add replaced by links", func(r *Report) int64 { return r.Linked }),
	"saved":       intOf("bytes that the links of add freed", func(r *Report) int64 { return r.Saved }),
	"removed":     intOf("how many snapshots add removed from the catalog, since they are gone", func(r *Report) int { return r.Removed }),
	"snapshot": valueOf("Snapshot", "the snapshot that was checked; None for add", func(r *Report) starlark.Value {
		if r.Snapshot == nil {
			return starlark.None
		}
		return &Snapshot{r.Snapshot, r.session}
	}),
	"added": valueOf("list", "the snapshots that the catalog did not know", func(r *Report) starlark.Value {
		list := make([]starlark.Value, len(r.Added))
		for i, s := range r.Added {
			list[i] = &Snapshot{s, r.session}
		}
		return starlark.NewList(list)
	}),
	"problems": valueOf("list", "the problems that were found", func(r *Report) starlark.Value { return problems(r.Problems) }),
}

// Attr returns the attribute called name.
func (r *Report) Attr(name string) (starlark.Value, error) {
	if name == "read" || name == "bytes" || name == "read_before" {
		if err := r.ends(); err != nil {
			return nil, err
		}
	}
	return reportAttributes.get(r, name)
}

// MarshalJSON ends the plan where it would show what is not known.
func (r *Report) MarshalJSON() ([]byte, error) {
	if err := r.ends(); err != nil {
		return nil, err
	}
	return r.Report.MarshalJSON()
}

// ends ends the plan where it depends on what would be read back.
func (r *Report) ends() error {
	if r.planned == nil {
		return nil
	}
	return unplanned(r.planned, "how much of %s is read back", r.Report.Snapshot.Ref())
}

// AttrNames lists the attributes.
func (r *Report) AttrNames() []string { return reportAttributes.names() }

// report keeps what was found for whoever runs the script.
func (s *Session) report(r *engine.Report) *Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = append(s.reports, r)
	return &Report{Report: r, session: s}
}

func (s *Session) verifyBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "verify",
		Signature: "verify(snapshot, fast=False, sample=1.0, heal=False)",
		Doc:       "check a snapshot against its manifest, and read a share of its content back; of a list of snapshots, which returns a list of Reports, each inode once",
		Kind:      "heal",
		When:      "heal",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var which, sample starlark.Value = nil, starlark.Float(1)
			var check engine.Check
			if err := runtime.Unpack(fn.Name(), args, kwargs, "snapshot", &which,
				"fast?", &check.Fast, "sample?", &sample, "heal?", &check.Heal); err != nil {
				return nil, err
			}
			if check.Heal {
				if err := runtime.Effect(thread, "verify(heal=True)"); err != nil {
					return nil, err
				}
				if err := s.permitEffect("verify(heal=True)", "heal"); err != nil {
					return nil, err
				}
			}
			var ok bool
			if check.Sample, ok = starlark.AsFloat(sample); !ok {
				return nil, runtime.Usagef("verify: sample is a %s, want a number from 0 to 1", sample.Type())
			}
			if !(check.Sample >= 0 && check.Sample <= 1) { // nor is it NaN
				return nil, runtime.Usagef("verify: sample is %v, want a share from 0 to 1", check.Sample)
			}
			list, isList := which.(*starlark.List)
			if !isList {
				return s.verify(thread, which, check)
			}
			check.Round = &engine.Round{}
			reports := starlark.NewList(nil)
			for each := range list.Elements() {
				found, err := s.verify(thread, each, check)
				if err != nil {
					return nil, err
				}
				if err := reports.Append(found); err != nil {
					return nil, err
				}
			}
			return reports, nil
		},
	}
}

func (s *Session) verify(thread *starlark.Thread, which starlark.Value, check engine.Check) (starlark.Value, error) {
	snapshot, err := s.find(thread, which)
	if err != nil {
		return nil, err
	}
	found, err := s.Engine.Verify(runtime.Context(thread), snapshot, check)
	if err != nil {
		return nil, err
	}
	report := s.report(found)
	switch {
	case s.Engine.Planned(snapshot):
		report.planned = thread
		s.planned("verify", "%s", snapshot.Ref())
	case s.Engine.DryRun() && check.Heal && !found.OK():
		s.planned("heal", "%s, as far as there are good copies", snapshot.Ref())
	}
	return report, nil
}

func (s *Session) addBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "add",
		Signature: "add(path=None)",
		Doc:       "adopt trees and manifests under the backup root that the catalog does not know",
		Effect:    true,
		Kind:      "link",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var path optional
			if err := runtime.Unpack(fn.Name(), args, kwargs, "path?", &path); err != nil {
				return nil, err
			}
			found, err := s.Engine.Adopt(runtime.Context(thread), s.Engine.Expand(string(path)))
			if err != nil {
				return nil, err
			}
			if s.Engine.DryRun() {
				for _, added := range found.Added {
					s.planned("add", "%s: %s", added.Path, humanize.IBytes(uint64(added.Bytes)))
				}
				if found.Linked > 0 {
					s.planned("replace", "%s by links, which frees %s", english.Plural(int(found.Linked), "duplicate", ""), humanize.IBytes(uint64(found.Saved)))
				}
				if found.Removed > 0 {
					s.planned("forget", "what is gone, which the catalog still has: %d", found.Removed)
				}
			}
			return s.report(found), nil
		},
	}
}
