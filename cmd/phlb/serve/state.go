package serve

import (
	"time"

	"phlb/cmd/phlb/metrics"
	"phlb/cmd/phlb/serve/records"
	"phlb/engine"
)

// statePage says how the root is.
type statePage struct {
	Findings      []finding               `json:"findings"`
	Damage        []*records.Damage       `json:"damage"`
	Verifications []*records.Verification `json:"verifications"`
	Never         []string                `json:"never_verified"` // names of which no snapshot was
	Locks         []lockView              `json:"locks"`
}

type finding struct {
	What   string `json:"what"`
	Path   string `json:"path"`
	Detail string `json:"detail"`
}

// lockView is a lock that is held, or was left.
type lockView struct {
	Name  string    `json:"name"`
	What  string    `json:"what"`
	Who   string    `json:"holder"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
	Gone  bool      `json:"gone"` // its holder, surely
}

const verificationsShown = 30

// state shows how the root is.
func (s *Server) state(r *request) (any, error) {
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	page := &statePage{Findings: []finding{}, Damage: []*records.Damage{}, Verifications: []*records.Verification{}, Never: []string{}, Locks: []lockView{}}
	page.Damage = append(page.Damage, recorded.Damage...)
	page.Verifications = append(page.Verifications, recorded.Verifications[:min(len(recorded.Verifications), verificationsShown)]...)
	for _, n := range summaries(recorded, recorded.Snapshots) {
		if n.Verified == nil {
			page.Never = append(page.Never, n.Name)
		}
	}
	leave, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	found, err := r.e.Doctor(r.Context())
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		page.Findings = append(page.Findings, finding{f.What, engine.Text(f.Path), engine.Text(f.Detail)})
	}
	locks, err := r.e.Locks()
	if err != nil {
		return nil, err
	}
	for _, l := range locks {
		page.Locks = append(page.Locks, lockView{engine.Text(l.Name), engine.Text(l.What), engine.Text(l.Who), engine.Text(l.Host), l.Since, l.Gone})
	}
	return page, nil
}

// settingsPage is what holds for the root.
type settingsPage struct {
	Root     string        `json:"root"`
	Catalog  string        `json:"catalog"`
	File     string        `json:"file"` // phlb.toml, "" where there is none
	Version  string        `json:"version"`
	Settings []settingView `json:"settings"`
	Invites  bool          `json:"-"`
}

type settingView struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Text   string `json:"-"` // as phlb.toml would have it
	Origin string `json:"origin"`
}

// settings shows what is in effect.
func (s *Server) settings(r *request) (any, error) {
	c := r.e.Config
	page := &settingsPage{
		Root: engine.Text(c.BackupPath), Catalog: engine.Text(c.Catalog), File: engine.Text(c.Path), Version: s.Version,
		Settings: []settingView{}, Invites: !s.Trusted && s.Passwords == nil,
	}
	for _, one := range c.Settings() {
		page.Settings = append(page.Settings, settingView{one.Key, one.Value, one.String(), one.Origin})
	}
	return page, nil
}

// metrics answers in the format of Prometheus.
func (s *Server) metrics(r *request) (any, error) {
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	r.w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, err = r.w.Write([]byte(metrics.Root{Snapshots: recorded.Snapshots, Damaged: len(recorded.Damage), Problems: recorded.Problems()}.Text()))
	if err != nil {
		return nil, err
	}
	return done{}, nil
}
