package builtins

import (
	"fmt"
	"slices"
)

// Permissions are what a script may do beside backups: nothing, unless the user
// says so in phlb.toml or on the command line.
type Permissions struct {
	Run []string // programs, as the script names them
	Net []string // HOST or HOST:PORT
	Env []string // environment variables
}

// Denied says that the user has not permitted something, and how to.
type Denied struct {
	Builtin string // such as "run"
	What    string // such as "pg_dump"
	Key     string // in phlb.toml
	Flag    string // on the command line
	File    string // the phlb.toml in effect, "" if there is none
}

// Error names the line of configuration that would permit it.
func (d *Denied) Error() string {
	file := d.File
	if file == "" {
		file = "phlb.toml (phlb config makes one)"
	}
	return fmt.Sprintf("%s: %q is not permitted: put %s = [%q] into %s, or run phlb with %s=%s",
		d.Builtin, d.What, d.Key, d.What, file, d.Flag, d.What)
}

func (s *Session) permitRun(program string) error {
	if slices.Contains(s.Allow.Run, program) {
		return nil
	}
	return &Denied{"run", program, "allow_run", "--allow-run", s.Engine.Config.Path}
}

// permitNet takes the host without and with its port.
func (s *Session) permitNet(host, hostPort string) error {
	if slices.Contains(s.Allow.Net, host) || slices.Contains(s.Allow.Net, hostPort) {
		return nil
	}
	return &Denied{"http", host, "allow_net", "--allow-net", s.Engine.Config.Path}
}

func (s *Session) permitEnv(name string) error {
	if slices.Contains(s.Allow.Env, name) {
		return nil
	}
	return &Denied{"env", name, "allow_env", "--allow-env", s.Engine.Config.Path}
}

// Planned is an effect that a dry run has left out.
type Planned struct {
	Effect string `json:"effect"`
	What   string `json:"what"`
}

// Plan returns what a dry run has left out, in order.
func (s *Session) Plan() []Planned { return s.plan }

func (s *Session) planned(effect, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = append(s.plan, Planned{effect, fmt.Sprintf(format, args...)})
}
