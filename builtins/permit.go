package builtins

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"phlb/runtime"
)

// Permissions are what a script may do beside backups: nothing, unless the user
// says so in phlb.toml or on the command line.
type Permissions struct {
	Run []string // programs, as the script names them; see resolve
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

// resolve fixes which programs the permissions mean: those that lie there now,
// by their whole paths. Neither what the script does to the environment, the
// folder that it runs in, nor a program that is put there later changes that.
func (s *Session) resolve() {
	s.programs = make(map[string]program, len(s.Allow.Run))
	for _, name := range s.Allow.Run {
		var p program
		if p.path, p.err = exec.LookPath(name); p.err == nil {
			p.path, p.err = filepath.Abs(p.path)
		}
		s.programs[name] = p
	}
}

// program is what a permission to run stands for.
type program struct {
	path string
	err  error // why there is none
}

// permitRun returns the path of a program that is permitted.
func (s *Session) permitRun(name string) (string, error) {
	p, ok := s.programs[name]
	if !ok {
		return "", &Denied{"run", name, "allow_run", "--allow-run", s.permitting()}
	}
	if p.err != nil {
		return "", fmt.Errorf("run %s: %w", name, p.err)
	}
	return p.path, nil
}

// permitVariable refuses to set variables that make another program of one that
// is permitted: those of the loader, of shells, and of interpreters.
func permitVariable(name string) error {
	for _, pattern := range decisive {
		if prefix, ok := strings.CutSuffix(pattern, "*"); name == pattern || ok && strings.HasPrefix(name, prefix) {
			return runtime.Usagef("run: env sets %s, which decides what is run: set it for phlb itself, if it must be", name)
		}
	}
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return runtime.Usagef("run: env has the name %q, which no variable can have", name)
	}
	return nil
}

// decisive are names of variables; a star stands for the rest of a name.
var decisive = []string{
	"LD_*", "DYLD_*", "GCONV_PATH", "LOCPATH", "NLSPATH", "GLIBC_*", "MALLOC_*", "HOSTALIASES", "RES_OPTIONS",
	"PATH", "PATHEXT", "COMSPEC", "IFS", "ENV", "BASH_ENV", "BASH_FUNC_*", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "CDPATH", "ZDOTDIR",
	"PYTHON*", "PERL*", "RUBY*", "NODE_*", "LUA_*", "PHP*", "CLASSPATH", "JAVA_*", "_JAVA_OPTIONS", "JDK_*", "GEM_*", "TCLLIBPATH",
	"GIT_*", "SSH_ASKPASS", "PAGER", "MANPAGER", "LESSOPEN", "LESSCLOSE", "EDITOR", "VISUAL", "SHELL", "BROWSER",
	"RSYNC_RSH", "TAR_OPTIONS", "OPENSSL_CONF", "OPENSSL_*", "TERMINFO*", "TERMCAP", "GTK_MODULES", "GTK_PATH", "QT_PLUGIN_PATH", "PGSYSCONFDIR", "PGSERVICEFILE",
}

// permitNet takes the host without and with its port.
func (s *Session) permitNet(host, hostPort string) error {
	if slices.Contains(s.Allow.Net, host) || slices.Contains(s.Allow.Net, hostPort) {
		return nil
	}
	return &Denied{"http", host, "allow_net", "--allow-net", s.permitting()}
}

func (s *Session) permitEnv(name string) error {
	if slices.Contains(s.Allow.Env, name) {
		return nil
	}
	return &Denied{"env", name, "allow_env", "--allow-env", s.permitting()}
}

// permitting is the file to permit something in: a phlb.toml that is not trusted
// would not do.
func (s *Session) permitting() string {
	if !s.Engine.Config.Trusted {
		return ""
	}
	return s.Engine.Config.Path
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
