package engine

import (
	"encoding/json"
	"path/filepath"
	"strings"

	"phlb/engine/repository"
	"phlb/engine/walk"
)

// Explanation is what a backup of a source makes of a path.
type Explanation struct {
	Root    string // of the source
	Name    string // of the backup
	Outside bool   // the path does not lie in the source, and there is no verdict
	walk.Verdict
}

// Explain says whether a backup of the source takes the path, and why, without
// making one. The path is absolute. One that does not exist is taken for that of
// a directory if it ends in a slash.
func (e *Engine) Explain(source repository.Source, path string) (*Explanation, error) {
	w := &walk.Walk{Rules: e.repo.OutsideOfRoot(source.Rules)}
	done, err := e.repo.OpenSource(w, source.Root)
	if err != nil {
		return nil, err
	}
	defer done()
	root := w.Root
	x := &Explanation{Root: root, Name: source.Name}
	if x.Name == "" {
		x.Name = filepath.Base(root)
	}
	given, err := filepath.Abs(source.Root)
	if err != nil {
		return nil, err
	}
	// As it is written comes first: that a link on the way is not followed is
	// worth telling.
	inside, ok := pathInside(given, path)
	if !ok {
		inside, ok = pathInside(root, path)
	}
	if !ok {
		inside, ok = pathInside(root, e.realFolder(path))
	}
	if !ok {
		x.Outside = true
		return x, nil
	}
	if strings.HasSuffix(path, string(filepath.Separator)) {
		inside += "/"
	}
	v, err := w.Explain(inside)
	if err != nil {
		return nil, err
	}
	x.Verdict = *v
	return x, nil
}

// MarshalJSON gives the verdict with the deciding rule as "by" and those that it
// overrides as "over".
func (x *Explanation) MarshalJSON() ([]byte, error) {
	type rule struct {
		Text   string `json:"text"`
		Origin string `json:"origin"`
		Beside string `json:"beside,omitempty"`
	}
	type document struct {
		Root     string   `json:"root"`
		Name     string   `json:"name"`
		Outside  bool     `json:"outside"`
		Taken    bool     `json:"taken"`
		Path     string   `json:"path,omitempty"`
		Missing  bool     `json:"missing"`
		Reason   string   `json:"reason"`
		At       string   `json:"at,omitempty"`
		Size     int64    `json:"size,omitempty"`
		MaxSize  int64    `json:"max_size,omitempty"`
		By       *rule    `json:"by"`
		Over     []rule   `json:"over"`
		Warnings []string `json:"warnings"`
	}
	d := document{
		Root: repository.Text(x.Root), Name: repository.Text(x.Name), Outside: x.Outside, Taken: x.Taken, Path: repository.Text(x.Path), Missing: x.Missing,
		Reason: string(x.Reason), At: repository.Text(x.At), Size: x.Size, MaxSize: x.Limit, Over: []rule{}, Warnings: []string{},
	}
	if x.By != nil {
		d.By = &rule{x.By.Text, x.By.Origin, x.By.Beside}
	}
	for _, r := range x.Over {
		d.Over = append(d.Over, rule{r.Text, r.Origin, r.Beside})
	}
	for _, err := range x.Warnings {
		d.Warnings = append(d.Warnings, err.Error())
	}
	return json.Marshal(d)
}
