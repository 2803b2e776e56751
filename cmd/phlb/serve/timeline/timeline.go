// Package timeline shows a path in all snapshots of a backup name: [New] makes the row of
// snapshots that stands above a page, [Versions] lists the versions of a file.
package timeline

import (
	"html/template"
	"time"

	"phlb/cmd/phlb/serve/address"
	"phlb/engine"
	"phlb/engine/manifest"
)

// shown is how many snapshots a timeline shows.
const shown = 48

// Timeline is a path in all snapshots of a name.
type Timeline struct {
	Steps []*Step `json:"steps"` // those around the one that is looked at, the oldest first
	Prev  *Step   `json:"-"`
	Next  *Step   `json:"-"`
	First *Step   `json:"-"`
	Last  *Step   `json:"-"`
	Total int     `json:"total"` // how many snapshots there are

	Never bool `json:"-"` // no snapshot holds the path
}

// Step is a snapshot on a timeline.
type Step struct {
	Stamp   string       `json:"stamp"`
	Time    time.Time    `json:"time"`
	Address template.URL `json:"address"`
	Held    bool         `json:"held"`  // the snapshot holds the path
	Begun   int64        `json:"begun"` // versions below the path that began with the snapshot
	Ended   int64        `json:"ended"` // versions below the path that ended with the snapshot
	Now     bool         `json:"now"`
	Level   int          `json:"-"` // how much has changed, from 0 to 4
}

// New returns the timeline of a folder or a file, with addresses on the pages of a kind.
func New(kind string, f *engine.Folder) *Timeline {
	t := &Timeline{Total: len(f.Steps), Never: true}
	now := 0
	var own *manifest.Entry
	all := make([]*Step, len(f.Steps))
	for i, step := range f.Steps {
		v := &Step{
			Stamp: step.Stamp, Time: step.Started, Address: address.At(kind, step.Snapshot, f.Path), Held: step.Own != nil,
			Begun: step.Begun, Ended: step.Ended, Now: step.Ref() == f.Snapshot.Ref(),
		}
		if step.Own != own && !(isDir(step.Own) && isDir(own)) { // nothing lies below a file
			v.Begun += int64(one(step.Own != nil && !isDir(step.Own)))
			v.Ended += int64(one(own != nil && !isDir(own)))
		}
		own = step.Own
		for n := v.Begun + v.Ended; n > 0 && v.Level < 4; n /= 10 {
			v.Level++
		}
		if i == 0 {
			v.Level = 0 // everything is new in the first snapshot
		}
		if v.Held {
			t.Never = false
		}
		if v.Now {
			now = i
		}
		all[i] = v
	}
	if len(all) == 0 {
		return t
	}
	t.First, t.Last = all[0], all[len(all)-1]
	if now > 0 {
		t.Prev = all[now-1]
	}
	if now < len(all)-1 {
		t.Next = all[now+1]
	}
	from := max(0, min(now-shown/2, len(all)-shown))
	t.Steps = all[from:min(from+shown, len(all))]
	return t
}

func isDir(e *manifest.Entry) bool { return e != nil && e.Kind == manifest.Dir }

// one returns 1 for true.
func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Version is a version of a path that is no folder, and the snapshots that hold it.
type Version struct {
	First     *Step        `json:"first"`
	Last      *Step        `json:"last"`
	Snapshots int          `json:"snapshots"`
	Kind      string       `json:"kind"`
	Size      int64        `json:"size"`
	Mtime     time.Time    `json:"mtime"`
	Digest    string       `json:"digest,omitempty"`
	Address   template.URL `json:"address"`  // of the page of the version
	Download  template.URL `json:"download"` // of the content
	Diff      template.URL `json:"diff"`     // to the version before, "" for the first
	Now       bool         `json:"now"`      // whether it is the one that is looked at
}

// Versions returns the versions of a path, the newest first. A version that came back
// after another one is listed twice.
func Versions(f *engine.Folder) []*Version {
	list := []*Version{}
	var last *manifest.Entry
	var lastStamp string
	for _, step := range f.Steps { // by time
		if step.Own == nil {
			last = nil
			continue
		}
		here := &Step{Stamp: step.Stamp, Time: step.Started, Address: address.At("browse", step.Snapshot, f.Path)}
		if step.Own != last {
			v := &Version{
				First: here, Kind: step.Own.Kind.String(), Size: step.Own.Size, Mtime: step.Own.Mtime.Time(),
				Address: here.Address, Download: address.At("raw", step.Snapshot, f.Path),
			}
			if step.Own.Kind == manifest.File && !step.Own.Absent {
				v.Digest = step.Own.Digest.String()
			}
			if len(list) > 0 {
				v.Diff = address.Diff(f.Snapshot.Name, f.Path, lastStamp, step.Stamp)
			}
			list = append([]*Version{v}, list...)
		}
		v := list[0]
		v.Last, v.Snapshots = here, v.Snapshots+1
		v.Now = v.Now || step.Ref() == f.Snapshot.Ref()
		last, lastStamp = step.Own, step.Stamp
	}
	return list
}
