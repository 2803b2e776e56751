package config

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// oldINI is what pyhardlinkbackup 0.12 makes in the home folder, less its
// comments.
const oldINI = `
[common]
# Path for the SQLite database file
DATABASE_NAME= ~/PyHardLinkBackups.sqlite3
ENABLE_AUTO_LOGIN= True
LANGUAGE_CODE= en-us

[backup]
BACKUP_PATH= /mnt/backups
SUB_DIR_FORMATTER= %Y-%m-%d-%H%M
SKIP_DIRS= __pycache__, temp,
SKIP_PATTERNS= *.pyc, *.tmp, *.cache

[internals]
PRINT_UPDATE_INTERVAL= 60
LOGGING_CONSOLE_LEVEL= CRITICAL
LOGGING_FILE_LEVEL= DEBUG
DEFAULT_NEW_PATH_MODE= 0o700
HASH_NAME= sha512
CHUNK_SIZE= 20971520
`

// imported returns what a phlb.toml that is made from an INI file says.
func imported(t testing.TB, ini string) (*Config, []string) {
	t.Helper()
	text, notes, err := Import("old.ini", strings.NewReader(ini))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := parse("/home/ann/phlb.toml", text, "/home/ann")
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for _, n := range notes {
		if plain := strings.ReplaceAll(string(text), "\n#  ", ""); !strings.Contains(plain, "# "+n) {
			t.Errorf("the text lacks %q:\n%s", n, text)
		}
	}
	return cfg, notes
}

func TestImport(t *testing.T) {
	cfg, notes := imported(t, oldINI)
	got := fmt.Sprint(cfg.BackupPath, " ", cfg.SnapshotFormat, " ", cfg.SkipDirs, " ", cfg.SkipPatterns, " ", cfg.ConsoleLevel, " ", cfg.LogLevel, " ", cfg.Hash)
	if want := "/mnt/backups %Y-%m-%d-%H%M [__pycache__ temp] [*.pyc *.tmp *.cache] ERROR DEBUG sha512"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var about []string
	for _, n := range notes {
		key, _, _ := strings.Cut(n, " ")
		about = append(about, key)
	}
	want := []string{"DATABASE_NAME", "ENABLE_AUTO_LOGIN", "LANGUAGE_CODE", "SKIP_PATTERNS",
		"PRINT_UPDATE_INTERVAL", "DEFAULT_NEW_PATH_MODE", "CHUNK_SIZE", "files"}
	if !slices.Equal(about, want) {
		t.Errorf("notes are about %q, want %q", about, want)
	}
}

func TestImportValues(t *testing.T) {
	for _, test := range []struct {
		name, ini string
		want      string // backup_path, skip_dirs
		note      string
	}{
		{"Defaults", "[x]\nHASH_NAME=md5", "/home/ann/PyHardLinkBackups [__pycache__ temp]", "BACKUP_PATH = ~/PyHardLinkBackups: is not set there"},
		{"None", "[x]\nSKIP_DIRS=\nBACKUP_PATH=/b", "/b []", ""},
		{"Notation", "\ufeff[a]\r\n; x\r\nBackup_Path : ~/b = c\r\n  # y\r\n\r\n[b]\r\nskip_dirs= one,\r\n\ttwo,\r\n\r\n  three\r\nHASH_NAME: x\r\n", "/home/ann/b = c [one two three]", ""},
		{"Sections", "[a]\nBACKUP_PATH=/a\n[b]\nBACKUP_PATH=/b\nskip_dirs=", "/b []", ""},
		{"Relative", "[x]\nBACKUP_PATH = b\nSKIP_DIRS=", "/home/ann/b []", "started in the working directory"},
		{"OtherHome", "[x]\nBACKUP_PATH = ~bob/b\nSKIP_DIRS=", " []", "BACKUP_PATH = ~bob/b: was not taken over: only ~"},
		{"Unknown", "[x]\nBACKUP_PATH=/b\nSKIP_DIR=a\nSKIP_DIRS=", "/b []", "SKIP_DIR = a: is no setting"},
		{"Format", "[x]\nBACKUP_PATH=/b\nSKIP_DIRS=\nSUB_DIR_FORMATTER=%Y/%m", "/b []", "SUB_DIR_FORMATTER = %Y/%m: was not taken over: gives the name"},
		{"Braces", `[x]` + "\n" + `BACKUP_PATH="/b\"` + "\n" + `SKIP_DIRS={a},b\c,[d`, `/home/ann/"/b\" [\{a\} b\\c \[d]`, ""},
		{"Classes", "[x]\nBACKUP_PATH=/b\nSKIP_DIRS=[ab]?,[!ab],x[0-9],[a-z_],[]],[^a]", "/b [[ab]? [!ab] x[0-9]]", `"[a-z_]" was not taken over`},
		{"Slash", "[x]\nBACKUP_PATH=/b\nSKIP_DIRS=a/b,c", "/b [c]", `"a/b" was held against names`},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg, notes := imported(t, test.ini)
			if got := cfg.BackupPath + " " + fmt.Sprint(cfg.SkipDirs); filepath.ToSlash(got) != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if all := strings.Join(notes, "\n"); !strings.Contains(all, test.note) {
				t.Errorf("notes lack %q:\n%s", test.note, all)
			}
		})
	}
}

func TestImportHash(t *testing.T) {
	for _, test := range []struct{ ini, want, note string }{
		{"", "sha512", "HASH_NAME = sha512: is not set there, but held by default"},
		{"HASH_NAME=sha512", "sha512", ""},
		{"HASH_NAME= SHA256", "sha256", ""},
		{"HASH_NAME=md5", "sha256", "HASH_NAME = md5: was not taken over, manifests are of sha256 or sha512"},
		{"HASH_NAME=sha384", "sha256", "HASH_NAME = sha384: was not taken over"},
	} {
		cfg, notes := imported(t, "[x]\nBACKUP_PATH=/b\nSKIP_DIRS=\nSKIP_PATTERNS=\n"+test.ini)
		if all := strings.Join(notes, "\n"); cfg.Hash != test.want || !strings.Contains(all, test.note) || test.note == "" && strings.Contains(all, "HASH_NAME") {
			t.Errorf("%q: hash is %q, want %q; notes are\n%s", test.ini, cfg.Hash, test.want, all)
		}
	}
}

func TestImportErrors(t *testing.T) {
	for _, test := range []struct {
		name, ini string
		want      []string
	}{
		{"Empty", "", []string{"old.ini: no setting of pyhardlinkbackup is in it"}},
		{"Other", "[x]\ny = z\n", []string{"old.ini: no setting of pyhardlinkbackup is in it"}},
		{"Text", "To whom it may concern\n", []string{`old.ini:1: "To whom it may concern" is neither`}},
		{"NoSection", "HASH_NAME=x\n", []string{"old.ini:1: HASH_NAME stands before the first [section]"}},
		{"Binary", "[x]\nHASH_NAME=\x00\n\xff=x", []string{"old.ini:2: is no text", "old.ini:3: is no text"}},
		{"Twice", "[x]\nHASH_NAME=x\nhash_name=y", []string{"old.ini:3: HASH_NAME is there twice, first in line 2"}},
		{"NoKey", "[x]\n= y\n[z", []string{`old.ini:2: "= y" is neither`, `old.ini:3: "[z" is neither`}},
		{"Values", "[x]\nBACKUP_PATH=\nLOGGING_FILE_LEVEL = loud\n", []string{
			"old.ini:2: BACKUP_PATH = : want a path", "old.ini:3: LOGGING_FILE_LEVEL = loud: want CRITICAL"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, _, err := Import("old.ini", strings.NewReader(test.ini))
			var setting *Error
			if !errors.As(err, &setting) || text != nil {
				t.Fatalf("error is %v, text %q", err, text)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) {
				t.Fatalf("errors %q", lines)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("error %q, want %q", lines[i], want)
				}
			}
		})
	}
	if _, _, err := Import("old.ini", broken{}); !errors.Is(err, errBroken) {
		t.Errorf("error is %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// FuzzImport checks that whatever is taken makes a file that can be read.
func FuzzImport(f *testing.F) {
	f.Add([]byte(oldINI))
	f.Add([]byte("[x]\nBACKUP_PATH=\\\u0085\"\nSKIP_DIRS=[a-],[!-],{,}\\,[z-a]"))
	f.Fuzz(func(t *testing.T, ini []byte) {
		text, notes, err := Import("old.ini", bytes.NewReader(ini))
		if err != nil {
			return
		}
		if _, err := parse("/home/ann/phlb.toml", text, "/home/ann"); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
		if len(notes) == 0 {
			t.Error("no notes")
		}
	})
}
