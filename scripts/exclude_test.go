package scripts_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.starlark.net/starlark"

	"phlb/runtime"
	"phlb/scripts"
)

// exclude evaluates an expression with what the module offers.
func exclude(expression string) (starlark.Value, error) {
	host := &runtime.Host{Modules: map[string]*runtime.Module{"std": {Label: "@std", Files: scripts.FS}}, Now: time.Unix(0, 0)}
	source := fmt.Sprintf(`load("@std//exclude.star", "exclude", "BROWSERS", "BUILD", "CACHES", "TRASH", "VM_IMAGES")
MINE = struct(name = "mine", rules = ["a", "b"], beside = {"x": ["y"], "Cargo.toml": ("z",)})
def main():
    return %s
`, expression)
	script, err := host.LoadSource(context.Background(), "test.star", []byte(source))
	if err != nil {
		return nil, err
	}
	return script.Call(context.Background(), nil, nil)
}

func TestExclude(t *testing.T) {
	for _, test := range []struct{ expression, want string }{
		{`exclude()`, `{"rules": [], "ignore_files": [".phlbignore"], "tagged": True, "if_present": [".nobackup"], "beside": {}, "max_size": None}`},
		{`exclude(rules = ["*.iso", "!a"], files = (), caches = False, if_present = [], max_size = 4 * GiB)`,
			`{"rules": ["*.iso", "!a"], "ignore_files": [], "tagged": False, "if_present": [], "beside": {}, "max_size": 4294967296}`},
		{`exclude(MINE, rules = ["!a"])["rules"]`, `[("a", "mine"), ("b", "mine"), "!a"]`},
		{`exclude(MINE, TRASH)["rules"][1:3]`, `[("b", "mine"), ("**/.local/share/Trash/", "@std//exclude.star, trash")]`},
		{`exclude(BUILD, MINE)["beside"]["Cargo.toml"]`, `[("target/", "@std//exclude.star, build"), ("z", "mine")]`},
		{`exclude(MINE)["beside"]`, `{"x": [("y", "mine")], "Cargo.toml": [("z", "mine")]}`},
		{`(exclude(BUILD), exclude(BUILD))[0]["beside"]["Cargo.toml"]`, `[("target/", "@std//exclude.star, build")]`},
		{`exclude(BUILD)["rules"]`, `[]`},
		{`exclude(max_size = 0.5 * GiB)["max_size"]`, `5.36870912e+08`},
	} {
		got, err := exclude(test.expression)
		if err != nil {
			t.Errorf("%s: %v", test.expression, err)
		} else if got.String() != test.want {
			t.Errorf("%s:\n%s, want\n%s", test.expression, got, test.want)
		}
	}
}

func TestExcludeErrors(t *testing.T) {
	for expression, want := range map[string]string{
		`exclude("*.iso")`:                                             `"*.iso" is no list: want CACHES`,
		`exclude(["*.iso"])`:                                           `is no list`,
		`exclude(rules = "*.iso")`:                                     `rules = "*.iso": want a list of strings`,
		`exclude(rules = [1])`:                                         `rules = [1]: want a list of strings`,
		`exclude(files = ".gitignore")`:                                `files = ".gitignore"`,
		`exclude(if_present = None)`:                                   `if_present = None`,
		`exclude(caches = "yes")`:                                      `caches = "yes": want True or False`,
		`exclude(max_size = "4G")`:                                     `max_size = "4G": want bytes`,
		`exclude(max_size = 0)`:                                        `max_size = 0`,
		`exclude(struct(name = "x"))`:                                  `is no list`,
		`exclude(struct(name = "x", rules = "a", beside = {}))`:        `rules of x = "a"`,
		`exclude(struct(name = "x", rules = [], beside = {"a": "b"}))`: `beside of x: a = "b"`,
	} {
		if got, err := exclude(expression); err == nil || !strings.Contains(err.Error(), "exclude: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", expression, got, err)
		}
	}
}

// TestExcludeLists: no list has a rule that could be about what a user has made,
// a plain word of small letters as anyone would call a directory.
func TestExcludeLists(t *testing.T) {
	lists, err := exclude(`[exclude(l)["rules"] for l in (BROWSERS, BUILD, CACHES, TRASH, VM_IMAGES)]`)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for list := range starlark.Elements(lists.(*starlark.List)) {
		for pair := range starlark.Elements(list.(*starlark.List)) {
			rule, _ := starlark.AsString(pair.(starlark.Tuple)[0])
			if strings.Trim(rule, "abcdefghijklmnopqrstuvwxyz/") == "" {
				t.Errorf("%q is what anyone may have called a directory", rule)
			}
			if strings.HasPrefix(rule, "/") || !strings.HasPrefix(rule, "**/") && strings.Contains(strings.TrimSuffix(rule, "/"), "/") {
				t.Errorf("%q holds only in one root", rule)
			}
			seen[rule] = true
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d rules", len(seen))
	}
}
