package builtins

import "testing"

func TestScanRules(t *testing.T) {
	l := newLab(t, "a.o", "1", "keep.o", "12", "large", "1234567", "rust/Cargo.toml", "", "rust/target/x", "1", "target/photo", "1",
		"d/.ignore", "*\n", "d/f", "1", "cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55", "cache/f", "1",
		"held/.nobackup", "", "held/f", "1")
	for _, tt := range []struct{ name, rules, want string }{
		{"Rules", `rules = ["*", "!*.o", "a.o"]`, `["keep.o"]`},
		{"Tuple", `rules = ("/*", "!/keep.o")`, `["keep.o"]`},
		{"Pairs", `rules = [("*", "here"), ["!keep.o", "there"]]`, `["keep.o"]`},
		{"Beside", `rules = ["/*", "!/rust/", "!/target/"], beside = {"Cargo.toml": ["target/"]}`, `["rust/Cargo.toml", "target/photo"]`},
		{"BesideIsWeaker", `rules = ["/*", "!/rust/", "!target/"], beside = {"Cargo.toml": ["target/"]}`,
			`["rust/Cargo.toml", "rust/target/x", "target/photo"]`},
		{"IgnoreFiles", `rules = ["/*", "!/d/"], ignore_files = [".ignore"]`, `[]`},
		{"Tagged", `rules = ["/*", "!/cache/"], tagged = True`, `["cache/CACHEDIR.TAG"]`},
		{"IfPresent", `rules = ["/*", "!/held/"], if_present = [".nobackup"]`, `["held/.nobackup"]`},
		{"MaxSize", `skip_dirs = ["*"], max_size = 2`, `["a.o", "keep.o"]`},
		{"MaxSizeFloat", `skip_dirs = ["*"], max_size = 0.5 * 4.5`, `["a.o", "keep.o"]`},
		{"Nothing", `skip_dirs = ["*"], max_size = None, rules = ["", "# words"], beside = {}`, `["a.o", "keep.o", "large"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.run("print([f.path for f in scan(SOURCE, "+tt.rules+")])", tt.want)
		})
	}
	for _, tt := range []struct{ name, rules, want string }{
		{"RulesType", `rules = "*.o"`, `parameter "rules": got string, want a list of lines`},
		{"RulesElement", `rules = [1]`, `got a list with 1 in it, want a line`},
		{"RulesPair", `rules = [("a", 1)]`, `got a list with ("a", 1) in it`},
		{"BadRule", `rules = ["*.o", "[a"]`, `scan: rules: "[a" (test.star, rule 2) has a [ that is not closed`},
		{"BadPair", `rules = [("[a", "my list")]`, `scan: rules: "[a" (my list) has`},
		{"BadBeside", `beside = {"Cargo.toml": ["a/b"]}`, `scan: beside: "a/b" beside Cargo.toml (test.star) is about a path`},
		{"BesideType", `beside = ["target/"]`, `got list, want a dict such as`},
		{"BesideKey", `beside = {1: []}`, `the key 1`},
		{"BesideValue", `beside = {"Cargo.toml": "target/"}`, `Cargo.toml: got string`},
		{"BesideName", `beside = {"*.toml": ["target/"]}`, `"*.toml" is not a name`},
		{"MaxSizeType", `max_size = "1G"`, `got "1G", want bytes`},
		{"MaxSizeZero", `max_size = 0`, `got 0, want bytes`},
		{"IgnoreFile", `ignore_files = ["a/.ignore"]`, `ignore_files: "a/.ignore" is not a name`},
		{"IfPresentName", `if_present = [""]`, `if_present: "" is not a name`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.TB = t
			l.fails("scan(SOURCE, "+tt.rules+")", tt.want)
		})
	}
}
