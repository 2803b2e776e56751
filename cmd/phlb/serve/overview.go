package serve

import (
	"cmp"
	"html/template"
	"slices"
	"strings"
	"time"

	"phlb/cmd/phlb/serve/address"
	"phlb/cmd/phlb/serve/draw"
	"phlb/cmd/phlb/serve/records"
	"phlb/cmd/phlb/serve/words"
	"phlb/engine"
)

// nameSummary is what there is of one backup name.
type nameSummary struct {
	Name      string                `json:"name"`
	Address   template.URL          `json:"address"`
	Newest    *engine.Snapshot      `json:"newest"`
	Complete  *engine.Snapshot      `json:"newest_complete"`
	Snapshots int                   `json:"snapshots"`
	Verified  *records.Verification `json:"verified"` // the last one, of any snapshot of the name
	Damaged   int                   `json:"damaged"`
	LastRun   *records.Run          `json:"last_run"`
	Sizes     []sizePoint           `json:"sizes"` // the oldest first
	Line      template.HTML         `json:"-"`
}

type sizePoint struct {
	Time     time.Time `json:"time"`
	Bytes    int64     `json:"bytes"`
	NewBytes int64     `json:"new_bytes"`
}

type overviewPage struct {
	Names     []*nameSummary `json:"names"`
	Snapshots int            `json:"snapshots"`
	Bytes     int64          `json:"new_bytes"` // what all snapshots have cost
}

// overview shows the names.
func (s *Server) overview(r *request) (any, error) {
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	page := &overviewPage{Names: summaries(recorded, recorded.Snapshots), Snapshots: len(recorded.Snapshots)}
	for _, one := range recorded.Snapshots {
		page.Bytes += one.NewBytes
	}
	return page, nil
}

// summaries sums up snapshots by their names, sorted by name.
func summaries(recorded *records.Records, all []*engine.Snapshot) []*nameSummary {
	byName := map[string]*nameSummary{}
	nameOf := map[int64]string{}
	names := []*nameSummary{}
	for _, one := range all { // the newest first
		n := byName[one.Name]
		if n == nil {
			n = &nameSummary{Name: engine.Text(one.Name), Address: address.Name(one.Name), Newest: one}
			byName[one.Name], names = n, append(names, n)
		}
		if n.Complete == nil && one.Complete() {
			n.Complete = one
		}
		n.Snapshots++
		n.Sizes = append(n.Sizes, sizePoint{one.Started, one.Bytes, one.NewBytes})
		nameOf[int64(one.ID)] = one.Name
	}
	for _, v := range recorded.Verifications { // the newest first
		if n := byName[nameOf[v.Snapshot]]; n != nil && n.Verified == nil {
			n.Verified = v
		}
	}
	for _, d := range recorded.Damage {
		if n := byName[nameOf[d.Snapshot]]; n != nil {
			n.Damaged++
		}
	}
	for _, one := range recorded.Runs { // the newest first
		if n := byName[one.BackupName]; n != nil && n.LastRun == nil {
			n.LastRun = one
		}
	}
	for _, n := range names {
		slices.Reverse(n.Sizes)
		n.Line = draw.Line(linePoints(n.Sizes))
	}
	slices.SortFunc(names, func(a, b *nameSummary) int { return cmp.Compare(a.Newest.Name, b.Newest.Name) })
	return names
}

type namePage struct {
	*nameSummary
	All   []*engine.Snapshot `json:"all"`
	Weeks []week             `json:"weeks"`
	Chart template.HTML      `json:"-"`
}

// week is what the snapshots of a week have cost.
type week struct {
	Monday    string `json:"monday"` // 2006-01-02
	Snapshots int    `json:"snapshots"`
	NewBytes  int64  `json:"new_bytes"`
}

// name shows the snapshots of a name.
func (s *Server) name(r *request) (any, error) {
	name := r.PathValue("name")
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(slices.Clone(recorded.Snapshots), func(one *engine.Snapshot) bool { return one.Name != name })
	if len(all) == 0 {
		return nil, notFound("there is no backup called "+words.Shown(name), "go back to the backups, which lists those there are")
	}
	page := &namePage{nameSummary: summaries(recorded, all)[0], All: all, Weeks: s.weeks(all)}
	page.Chart = draw.Bars(bars(page.Weeks))
	return page, nil
}

// weeks adds up what snapshots have cost by week, the oldest first.
func (s *Server) weeks(all []*engine.Snapshot) []week {
	list := []week{}
	for _, one := range slices.Backward(all) {
		at := one.Started.In(s.Now().Location())
		monday := at.AddDate(0, 0, -(int(at.Weekday())+6)%7).Format("2006-01-02")
		if len(list) == 0 || list[len(list)-1].Monday != monday {
			list = append(list, week{Monday: monday})
		}
		last := &list[len(list)-1]
		last.Snapshots++
		last.NewBytes += one.NewBytes
	}
	return list
}

// snapshotPage is one snapshot.
type snapshotPage struct {
	Snapshot      *engine.Snapshot        `json:"snapshot"`
	Before        *engine.Snapshot        `json:"before"`
	After         *engine.Snapshot        `json:"after"`
	Verifications []*records.Verification `json:"verifications"`
	Damage        []*records.Damage       `json:"damage"`
	Stat          *statView               `json:"stat"` // where it was asked for
	Restore       string                  `json:"restore"`
	Log           string                  `json:"log"` // its end
	Others        []string                `json:"-"`   // to compare it with
}

// statView is what only reading the tree of a snapshot tells.
type statView struct {
	OnlyFiles int64            `json:"only_files"`
	OnlyBytes int64            `json:"only_bytes"`
	Kinds     map[string]int64 `json:"kinds"`
}

// logShown is how much of the end of a log is shown.
const logShown = 16 << 10

// snapshot shows one snapshot.
func (s *Server) snapshot(r *request) (any, error) {
	found, err := s.find(r)
	if err != nil {
		return nil, err
	}
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	page := &snapshotPage{Snapshot: found, Restore: s.restoreCommand(found, "."), Verifications: []*records.Verification{}, Damage: []*records.Damage{}}
	for _, one := range recorded.Snapshots { // the newest first
		switch {
		case one == found:
			continue
		case one.Name == found.Name && !one.Started.After(found.Started) && page.Before == nil:
			page.Before = one
		case one.Name == found.Name && one.Started.After(found.Started):
			page.After = one
		}
		page.Others = append(page.Others, one.Ref().String())
	}
	for _, v := range recorded.Verifications {
		if v.Snapshot == int64(found.ID) {
			page.Verifications = append(page.Verifications, v)
		}
	}
	for _, d := range recorded.Damage {
		if d.Snapshot == int64(found.ID) {
			page.Damage = append(page.Damage, d)
		}
	}
	if page.Log, err = r.e.SnapshotLog(found, logShown); err != nil {
		return nil, err
	}
	page.Log = strings.ToValidUTF8(page.Log, "\ufffd")
	if r.value("free") != "" {
		if page.Stat, err = s.stat(r, found); err != nil {
			return nil, err
		}
	}
	return page, nil
}

func (s *Server) stat(r *request, of *engine.Snapshot) (*statView, error) {
	leave, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	stat, err := r.e.Stat(r.Context(), of)
	if err != nil {
		return nil, err
	}
	view := &statView{OnlyFiles: stat.OnlyFiles, OnlyBytes: stat.OnlyBytes, Kinds: map[string]int64{}}
	for kind, n := range stat.Kinds {
		view.Kinds[kind.String()] = n
	}
	return view, nil
}

// linePoints and bars are sizes as they are drawn.
func linePoints(sizes []sizePoint) (points []draw.Point) {
	for _, p := range sizes {
		points = append(points, draw.Point{Time: p.Time, Bytes: p.Bytes})
	}
	return points
}

func bars(weeks []week) (list []draw.Bar) {
	for _, w := range weeks {
		list = append(list, draw.Bar{Label: w.Monday, Bytes: w.NewBytes, Count: w.Snapshots})
	}
	return list
}
