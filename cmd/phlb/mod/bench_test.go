package mod

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"phlb/engine/config"
)

// pinnedModules makes a project with modules of so many files each, in the cache.
func pinnedModules(b *testing.B, modules, filesEach int) *Project {
	b.Helper()
	dir := b.TempDir()
	p := &Project{Dir: dir, Cache: &Cache{Dir: filepath.Join(dir, "cache")}, declared: map[string]config.Module{}, lock: lock{}}
	for i := range modules {
		f := files{config.FileName: nil}
		for j := range filesEach - 1 {
			f[fmt.Sprintf("d%d/f%d.star", j%10, j)] = fmt.Appendf(nil, "x = %d\n%01000d\n", j, i)
		}
		hash, err := p.Cache.put(f)
		if err != nil {
			b.Fatal(err)
		}
		name := fmt.Sprintf("m%d", i)
		m := config.Module{OCI: "registry.example.org/" + name, Version: "1.0.0"}
		p.declared[name] = m
		p.lock[name] = Pin{OCI: m.OCI, Version: m.Version, Digest: string(hash), Hash: hash}
	}
	if err := p.Save(); err != nil {
		b.Fatal(err)
	}
	return p
}

// What a script that loads a file of each of twenty modules waits for.
func BenchmarkTwentyModules(b *testing.B) {
	p := pinnedModules(b, 20, 50)
	for b.Loop() {
		for _, m := range Modules(p.Dir, p.declared, p.Cache) {
			if _, err := fs.ReadFile(m.Files, "d0/f0.star"); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkVerifyThousandFiles(b *testing.B) {
	p := pinnedModules(b, 1, 1000)
	for b.Loop() {
		if err := p.Verify(); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(p.Dir, LockName)); err != nil {
		b.Fatal(err)
	}
}
