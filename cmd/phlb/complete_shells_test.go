package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTerminalShells completes in the shells that are there.
func TestTerminalShells(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"documents", "my music", "dad's", "a:b"} {
		cmd := exec.Command("phlb", "backup", "src", "--name", name)
		cmd.Dir, cmd.Env = dir, environ(dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	const bashCompletion = "/usr/share/bash-completion/bash_completion"
	for shell, start := range map[string]string{
		"bash": "bash --rcfile rc",
		"zsh":  `ZDOTDIR=$PWD zsh`,
		"fish": `fish --private --init-command ". rc"`,
	} {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("needs %s", shell)
			}
			if _, err := os.Stat(bashCompletion); shell == "bash" && err != nil {
				t.Skip("needs bash-completion")
			}
			for name, text := range map[string]string{
				"rc": map[string]string{
					"bash": ". " + bashCompletion + "; . <(phlb completion bash); PS1='> '\n",
					"fish": "phlb completion fish | source\nfunction fish_prompt; echo '> '; end\nfunction fish_greeting; end\n",
				}[shell],
				".zshrc": "autoload -U compinit; compinit -u -D; . <(phlb completion zsh); PS1='> '\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			term := openTerminal(t, dir, start)
			term.sees(`^>\z`)
			for _, tt := range []struct{ typed, sees string }{
				{"phlb snaps", `^> phlb snapshots`},
				{"phlb forget doc", `^> phlb forget documents`},
				{"phlb forget documents --dai", `^> phlb forget documents --daily`},
				{"phlb verify documents/lat", `^> phlb verify documents/latest`},
				{"phlb verify --sample=0.5 documents/lat", `^> phlb verify --sample=0.5 documents/latest`},
				{"phlb remove documents/latest documents/lat", `^> phlb remove documents/latest documents/latest`},
				{"phlb verify my", `^> phlb verify my\\ music/`},
				{`phlb verify my\ music/lat`, `^> phlb verify my\\ music/latest`},
				{`phlb remove my\ music/latest dad`, `^> phlb remove my\\ music/latest dad\\'s/`},
				{"phlb verify a:b/lat", `^> phlb verify a:b/latest`},
				{"phlb backup src --match cont", `^> phlb backup src --match content`},
			} {
				term.keys("C-u", "C-l")
				term.sees(`^>\z`)
				term.typed(tt.typed)
				term.keys("Tab")
				term.sees(tt.sees)
			}
		})
	}
}
