package builtins

import (
	"strings"
	"testing"
)

// TestDecisiveVariables has scripts set variables for a program: those that decide
// what is run are refused, and others are not.
func TestDecisiveVariables(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"PATH", "IFS", "ENV", "BASH_ENV", "BASH_FUNC_ls%%", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "CDPATH", "ZDOTDIR", "SHELL",
		"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "GCONV_PATH", "LOCPATH", "GLIBC_TUNABLES", "MALLOC_TRACE",
		"PYTHONPATH", "PYTHONSTARTUP", "PERL5LIB", "PERL5OPT", "RUBYOPT", "RUBYLIB", "NODE_OPTIONS", "LUA_INIT", "CLASSPATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS",
		"GIT_SSH_COMMAND", "GIT_EXEC_PATH", "SSH_ASKPASS", "PAGER", "LESSOPEN", "EDITOR", "VISUAL", "BROWSER", "RSYNC_RSH", "TAR_OPTIONS", "OPENSSL_CONF",
		"PATHEXT", "COMSPEC", "HOSTALIASES", "TERMINFO", "QT_PLUGIN_PATH",
	} {
		if err := permitVariable(name); err == nil || !strings.Contains(err.Error(), "env sets "+name+", which decides what is run") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	for _, name := range []string{"A", "HOME", "LANG", "TZ", "RESTIC_PASSWORD", "MY_PATH", "PATHS", "XLD_PRELOAD", "ENVIRONMENT", "OLD_GIT_DIR"} {
		if err := permitVariable(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "A=B", "A\x00B"} {
		if err := permitVariable(name); err == nil || !strings.Contains(err.Error(), "which no variable can have") {
			t.Errorf("%q: error is %v", name, err)
		}
	}
}
