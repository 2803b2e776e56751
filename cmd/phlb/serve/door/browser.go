package door

import (
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// OpenBrowser has the system show an address. Other users may see what programs are
// started with, and so the browser is started with a file that leads to the address
// and that nobody else may read. The caller calls remove in the end.
func OpenBrowser(address string) (remove func() error, err error) {
	dir, err := os.MkdirTemp("", "phlb-serve-")
	if err != nil {
		return nil, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	file := filepath.Join(dir, "phlb.html")
	address = html.EscapeString(address)
	page := `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=` + address + `"><a href="` + address + `">phlb</a>`
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		return remove, err
	}
	argv := []string{"xdg-open", file}
	switch runtime.GOOS {
	case "darwin":
		argv[0] = "open"
	case "windows":
		argv = []string{"rundll32", "url.dll,FileProtocolHandler", file}
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	if err := cmd.Start(); err != nil {
		return remove, fmt.Errorf("open the browser: %w", err)
	}
	go cmd.Wait() // else it stays as one that is dead
	return remove, nil
}
