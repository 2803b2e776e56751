package builtins

import (
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"phlb/engine/config"
	"phlb/runtime"
)

// Permissions are what a script may do: of a module nothing, and of the user's own
// nothing beside backups, unless the user says so in phlb.toml or on the command
// line.
type Permissions struct {
	Run     []string // programs, as the script names them; see resolve
	Net     []string // HOST or HOST:PORT
	Env     []string // environment variables
	Effects []string // of [config.Effects]; the user's own scripts have all
}

// Denied says that the user has not permitted something, and how to.
type Denied struct {
	Builtin string // such as "run"
	What    string // such as "pg_dump", "" for an effect
	Kind    string // "run", "net", "env" or one of [config.Effects]
	Remedy  string // what permits it
}

// Error names the line of configuration and the flag that would permit it.
func (d *Denied) Error() string {
	if d.What == "" {
		return fmt.Sprintf("%s: the script may not %s: %s", d.Builtin, deeds[d.Kind], d.Remedy)
	}
	return fmt.Sprintf("%s: %q is not permitted: %s", d.Builtin, d.What, d.Remedy)
}

// deeds say what the effects are.
var deeds = map[string]string{
	"read": "read files or directories", "link": "make snapshots", "remove": "remove snapshots",
	"restore": "restore", "heal": "heal snapshots",
}

// denied makes the error of what is not permitted: kind is one of what [Permissions]
// has, or an effect.
func (s *Session) denied(builtin, what, kind string) error {
	return &Denied{builtin, what, kind, s.remedy(what, kind)}
}

// remedy says how to permit something.
func (s *Session) remedy(what, kind string) string {
	settings := s.Engine.Config
	flag := "--allow-" + kind
	if what != "" {
		flag += "=" + what
	}
	key, origin, list := "allow_"+kind, "allow_"+kind, s.listed(kind)
	word := what
	if s.Module != "" {
		key, origin = kind, "allow."+s.Module+"."+kind
		if what == "" {
			key, origin, word = "effects", "allow."+s.Module+".effects", kind
		}
	}
	switch {
	case slices.Contains(s.Deny, kind):
		return "--deny-" + kind + " wins over all that permits it"
	case s.Sandbox:
		return "a sandbox permits nothing, whatever phlb.toml says"
	}
	if s.Module != "" && !settings.Trusted && slices.Contains(list, word) { // the line is there already
		return "phlb trust " + filepath.Dir(settings.Path) + " makes " + settings.Origin(origin) + " count, or run phlb with " + flag
	}
	line := key + " = " + config.Literal(append(slices.Clone(list), word))
	var put string
	switch {
	case s.Module == "" && !settings.Trusted:
		put = "put " + line + " into phlb.toml (phlb config makes one)"
	case settings.Origin(origin) != "default":
		put = "write " + line + " in " + settings.Origin(origin)
	case s.Module != "":
		put = fmt.Sprintf("put %s under [allow.%s] into %s", line, s.Module, settings.Path)
	default:
		put = "put " + line + " into " + settings.Path
	}
	if s.Module != "" && !settings.Trusted {
		put += " and say phlb trust " + filepath.Dir(settings.Path)
	}
	return put + ", or run phlb with " + flag
}

// listed returns what phlb.toml permits already of a kind.
func (s *Session) listed(kind string) []string {
	settings := s.Engine.Config
	grant := config.Grant{Run: settings.AllowRun, Net: settings.AllowNet, Env: settings.AllowEnv}
	if s.Module != "" {
		grant = settings.Allow[s.Module]
		if !settings.Trusted {
			grant = settings.Revoked[s.Module]
		}
	}
	switch kind {
	case "run":
		return grant.Run
	case "net":
		return grant.Net
	case "env":
		return grant.Env
	}
	return grant.Effects
}

// permitEffect returns an error for an effect that the script may not have.
func (s *Session) permitEffect(builtin, kind string) error {
	free := s.Module == "" || s.Sandbox || s.Explain != "" || slices.Contains(s.Allow.Effects, kind)
	if free && !slices.Contains(s.Deny, kind) {
		return nil
	}
	return s.denied(builtin, "", kind)
}

// ErrUnknown is what [Session.Permits] returns where it depends on what is asked for.
var ErrUnknown = errors.New("it depends on what it asks for")

// Permits returns nil where the script may call a builtin of that kind, and else the
// error that the call would get. What is the program, the address or the variable
// that it asks for, "" if that is not known. Names has to be called before.
func (s *Session) Permits(builtin, kind, what string) error {
	if slices.Contains(config.Effects, kind) {
		return s.permitEffect(builtin, kind)
	}
	if what == "" && !slices.Contains(s.Deny, kind) && !s.Sandbox {
		return ErrUnknown
	}
	switch kind {
	case "run":
		_, err := s.permitRun(what)
		return err
	case "net":
		where, err := url.Parse(what)
		if err != nil {
			return err
		}
		return s.permitURL(where)
	}
	return s.permitEnv(what)
}

// guarded sees to it that the functions of a table have no effect that the script
// may not have. Those whose effect depends on an argument see to it themselves.
func (s *Session) guarded(t runtime.Table) runtime.Table {
	if s.Module == "" && len(s.Deny) == 0 {
		return t
	}
	t = slices.Clone(t)
	for i, b := range t {
		if b.Kind == "" || b.When != "" || !slices.Contains(config.Effects, b.Kind) {
			continue
		}
		t[i].Func = func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			if err := s.permitEffect(b.Name, b.Kind); err != nil {
				return nil, err
			}
			return b.Func(thread, fn, args, kwargs)
		}
	}
	return t
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
	if !ok || slices.Contains(s.Deny, "run") {
		return "", s.denied("run", name, "run")
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
	if (slices.Contains(s.Allow.Net, host) || slices.Contains(s.Allow.Net, hostPort)) && !slices.Contains(s.Deny, "net") {
		return nil
	}
	return s.denied("http", host, "net")
}

func (s *Session) permitEnv(name string) error {
	if slices.Contains(s.Allow.Env, name) && !slices.Contains(s.Deny, "env") {
		return nil
	}
	return s.denied("env", name, "env")
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
