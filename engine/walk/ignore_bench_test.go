package walk

import (
	"fmt"
	"testing"
)

// BenchmarkDecide tells what rules cost per path.
func BenchmarkDecide(b *testing.B) {
	fifteen := []string{
		"*.o", "*.iso", "!keep.iso", "/Downloads/", ".cache/", "__pycache__/", "*.py[cod]", "*~", ".Trash-*/",
		"/var/**/log/", "node_modules/", "**/tmp/*.bak", "core.[0-9]*", "*.sw?", "/src/*/out/",
	}
	many := fifteen
	for i := range 150 {
		many = append(many, fmt.Sprintf("name%d/", i))
	}
	var folders []*Folder
	for _, path := range []string{".", "src/project/internal/deeply/nested", "home/ann/Pictures/2024"} {
		f := &Folder{}
		f.path = path
		folders = append(folders, f)
	}
	names := []string{"main.go", "IMG_20240102_101010.jpg", "README.md", "helpers_linux_test.go", "x"}
	for _, bench := range []struct {
		name  string
		rules Rules
	}{
		{"none", Rules{}},
		{"skip", Rules{SkipDirs: []string{".cache"}, Skip: []string{"*.tmp", "*.bak"}}},
		{"15", Rules{Ordered: ruleLines(fifteen...)}},
		{"165", Rules{Ordered: ruleLines(many...)}},
	} {
		m, err := bench.rules.compile()
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range folders {
			f.frame = m.ordered
		}
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.decide(folders[i%len(folders)], names[i%len(names)], i%8 == 0)
			}
		})
	}
}

func ruleLines(lines ...string) []Rule {
	var rules []Rule
	for i, line := range lines {
		rules = append(rules, Rule{Text: line, Origin: fmt.Sprint("rule ", i+1)})
	}
	return rules
}
