package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// A Module is one that phlb.toml declares under [modules]: where it lies, and in
// which version. It has one of Git, OCI and Path, and what comes from elsewhere
// has one of Version and Commit.
type Module struct {
	Git     string `toml:"git" json:"git,omitempty"`         // a URL, with https, ssh or file
	OCI     string `toml:"oci" json:"oci,omitempty"`         // HOST/REPOSITORY
	Path    string `toml:"path" json:"path,omitempty"`       // a folder, absolute or relative to that of phlb.toml
	Version string `toml:"version" json:"version,omitempty"` // a tag that is a whole semantic version, with or without v
	Commit  string `toml:"commit" json:"commit,omitempty"`   // of git, in full
}

// A Publication is what phlb.toml says under [publish] of the module that lies in
// its folder.
type Publication struct {
	OCI           string `toml:"oci" json:"oci,omitempty"`                     // HOST/REPOSITORY to push to
	Source        string `toml:"source" json:"source,omitempty"`               // URL of the sources
	Licence       string `toml:"licence" json:"licence,omitempty"`             // an SPDX expression
	Documentation string `toml:"documentation" json:"documentation,omitempty"` // a URL
	Description   string `toml:"description" json:"description,omitempty"`
}

// modulesTable and publishTable are the tables of modules.
const (
	modulesTable = "modules"
	publishTable = "publish"
)

// maxModules is how many modules a file may declare.
const maxModules = 200

// Source returns where a module lies, in one word: "git https://…", which is what
// two declarations of the same module have in common.
func (m Module) Source() string {
	switch {
	case m.Git != "":
		return "git " + m.Git
	case m.OCI != "":
		return "oci " + m.OCI
	}
	return "path " + m.Path
}

// At returns the version or the commit, "" for a path.
func (m Module) At() string {
	if m.Commit != "" {
		return m.Commit
	}
	return m.Version
}

// String gives the module as phlb.toml would have it.
func (m Module) String() string {
	var parts []string
	for _, f := range []struct{ key, value string }{
		{"git", m.Git}, {"oci", m.OCI}, {"path", m.Path}, {"version", m.Version}, {"commit", m.Commit},
	} {
		if f.value != "" {
			parts = append(parts, f.key+" = "+literal(f.value))
		}
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

var moduleName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// CheckModuleName returns an error for what no module can be called.
func CheckModuleName(name string) error {
	switch {
	case name == "std":
		return errors.New("std comes with phlb: call the module something else")
	case !moduleName.MatchString(name):
		return fmt.Errorf("%q is no name for a module: want small letters, digits, - and _, a letter first and 64 at most", name)
	case slices.Contains(devices, name):
		return fmt.Errorf("%q is the name of a device on Windows, where no folder can be called so", name)
	}
	return nil
}

var devices = []string{
	"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
}

// Check returns what is wrong with a declaration. No error shows a password that
// stands in a URL.
func (m Module) Check() error {
	sources := 0
	for _, s := range []string{m.Git, m.OCI, m.Path} {
		if s != "" {
			sources++
		}
	}
	switch {
	case sources != 1:
		return errors.New("want one of git, oci and path")
	case m.Path != "" && (m.Version != "" || m.Commit != ""):
		return errors.New("a folder has no version: leave it out")
	case m.Path != "":
		if strings.Contains(m.Path, "\x00") {
			return errors.New("path has a zero byte in it")
		}
		return nil
	case m.Version != "" && m.Commit != "":
		return errors.New("want either a version or a commit")
	case m.OCI != "" && m.Commit != "":
		return errors.New("a registry has no commits: want a version")
	case m.Version == "" && m.Commit == "":
		return errors.New(`want a version such as "v1.4.0", since a module never changes by itself`)
	}
	if m.Commit != "" && !fullCommit.MatchString(m.Commit) {
		return fmt.Errorf("commit %q is not all of a commit's id, 40 or 64 digits from 0 to f", m.Commit)
	}
	if err := CheckVersion(m.Version); m.Version != "" && err != nil {
		return err
	}
	if m.OCI != "" {
		return checkReference(m.OCI)
	}
	return checkGitURL(m.Git)
}

var (
	fullCommit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	reference  = regexp.MustCompile(`^([a-zA-Z0-9][a-zA-Z0-9.-]*|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$`)
	scpLike    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9._~/][^:]*$`)
)

// CheckVersion returns an error for what is not a whole semantic version: a branch
// and a tag such as latest or v1 may mean something else tomorrow.
func CheckVersion(version string) error {
	v := Semver(version)
	if !semver.IsValid(v) || semver.Canonical(v)+semver.Build(v) != v || strings.ContainsAny(version, "+") {
		return fmt.Errorf(`version %q is no whole semantic version such as "v1.4.0": others, such as branches and latest, float`, version)
	}
	return nil
}

// Semver returns a version as golang.org/x/mod/semver writes it.
func Semver(version string) string { return "v" + strings.TrimPrefix(version, "v") }

func checkReference(text string) error {
	if !reference.MatchString(text) {
		return fmt.Errorf("oci = %q: want a registry and a repository, such as registry.example.org/backup/policies, and the version apart", text)
	}
	return nil
}

// checkGitURL takes what cannot make git do anything but fetch: see the package
// mod, which sees to it that git uses no other transport either.
func checkGitURL(text string) error {
	const want = "want https://…, ssh://… or file:///…"
	if strings.HasPrefix(text, "-") || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("git = %q: %s", text, want)
	}
	if scpLike.MatchString(text) {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("git = …: no URL: %s", want) // which one might tell a password
	}
	if _, secret := u.User.Password(); secret {
		return fmt.Errorf("git = %q: a password does not belong here, it would go wherever the file goes: leave it to git's credential helper", u.Redacted())
	}
	local := u.Scheme == "file"
	switch {
	case u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" || strings.HasPrefix(u.Host, "-") || strings.HasPrefix(u.User.Username(), "-"):
	case local && u.Host == "" && u.User == nil && path.IsAbs(u.Path):
		return nil
	case local || u.Hostname() == "" || strings.Trim(u.Path, "/") == "":
	case u.Scheme == "https" && u.User == nil, u.Scheme == "ssh":
		return nil
	case u.Scheme == "https":
		return fmt.Errorf("git = %q: a user does not belong here: leave that to git's credential helper", u.Redacted())
	case u.Scheme == "http" || u.Scheme == "git":
		if Loopback(u.Hostname()) {
			return nil
		}
		return fmt.Errorf("git = %q: %s goes unencrypted, and only to this machine: %s", text, u.Scheme, want)
	}
	return fmt.Errorf("git = %q: %s", u.Redacted(), want)
}

// Loopback reports whether a host is this machine by its very name.
func Loopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ParseModules reads what a phlb.toml that lies in a module declares: everything
// else that may stand in it is not obeyed. Where it leads by a path, it is
// refused: nothing outside of the module belongs to it.
func ParseModules(name string, data []byte) (map[string]Module, error) {
	values, err := decode(name, bytes.TrimPrefix(data, []byte("\ufeff")))
	if err != nil {
		return nil, err
	}
	declared, problems := modulesOf(values[modulesTable])
	var errs []error
	for key, m := range declared {
		if m.Path != "" {
			problems[modulesTable+"."+key] = errors.New("a path leads out of the module: declare it with git or oci")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(problems)) {
		errs = append(errs, &Error{Origin: name, Key: key, Reason: fmt.Sprintf("%s: %v", key, problems[key])})
	}
	return declared, errors.Join(errs...)
}

// modulesOf makes modules of the table of that name. Problems are by the key that
// they are about, such as "modules.acme".
func modulesOf(table any) (declared map[string]Module, problems map[string]error) {
	declared, problems = map[string]Module{}, map[string]error{}
	if table == nil {
		return declared, problems
	}
	all, ok := table.(map[string]any)
	if !ok {
		problems[modulesTable] = fmt.Errorf("want a table, not %s", kind(table))
		return nil, problems
	}
	if len(all) > maxModules {
		problems[modulesTable] = fmt.Errorf("%d modules are too many, %d are possible", len(all), maxModules)
		return nil, problems
	}
	for name, value := range all {
		m, err := moduleOf(name, value)
		if err != nil {
			problems[modulesTable+"."+name] = err
		} else {
			declared[name] = m
		}
	}
	return declared, problems
}

func moduleOf(name string, value any) (m Module, err error) {
	if err := CheckModuleName(name); err != nil {
		return m, err
	}
	fields := map[string]*string{"git": &m.Git, "oci": &m.OCI, "path": &m.Path, "version": &m.Version, "commit": &m.Commit}
	if err := stringFields(value, fields, `want a table such as { git = "https://…", version = "v1.0.0" }`); err != nil {
		return m, err
	}
	return m, m.Check()
}

// stringFields fills in the strings of a table.
func stringFields(table any, fields map[string]*string, want string) error {
	values, ok := table.(map[string]any)
	if !ok {
		return errors.New(want)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		field, known := fields[key]
		if !known {
			return fmt.Errorf("unknown key %s: want %s", tomlKey([]string{key}), either(slices.Sorted(maps.Keys(fields))))
		}
		text, err := stringValue(values[key])
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		*field = text
	}
	return nil
}

// declare puts the tables of modules into a Config, with their paths absolute, and
// reports what is wrong by key.
func (d *document) declare(values map[string]any) (problems map[string]error) {
	d.cfg.Modules, problems = modulesOf(values[modulesTable])
	for name, m := range d.cfg.Modules {
		if m.Path == "" {
			continue
		}
		var err error
		if m.Path, err = absolute(m.Path, d.dir, d.home); err == nil && m.Path == filepath.Clean(d.dir) {
			err = errors.New("path is the folder of this phlb.toml itself: load its files by //")
		}
		if err != nil {
			problems[modulesTable+"."+name] = err
		}
		d.cfg.Modules[name] = m
	}
	p := &d.cfg.Publish
	if table, ok := values[publishTable]; ok {
		fields := map[string]*string{"oci": &p.OCI, "source": &p.Source, "licence": &p.Licence, "documentation": &p.Documentation, "description": &p.Description}
		err := stringFields(table, fields, "want a table")
		if err == nil && p.OCI != "" {
			err = checkReference(p.OCI)
		}
		if err != nil {
			problems[publishTable] = err
		}
	}
	return problems
}
