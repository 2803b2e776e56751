package catalog

import (
	"bufio"
	"context"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// state is what snapshot n holds in the tests where a catalog is published by
// one and read by another.
func state(n int) tree { return files(120, n) }

// publishNext adds the snapshot after the last one, from its manifest or as what
// has changed.
func publishNext(path string) error {
	c, err := Open(path, "")
	if err != nil {
		return err
	}
	defer c.Close()
	all, err := c.Snapshots(context.Background())
	if err != nil {
		return err
	}
	c.batchRows = 16 // several transactions for one snapshot
	if n := len(all) + 1; n%2 == 1 {
		_, err = c.Absorb(context.Background(), next("a", n), state(n).entries(nil))
	} else {
		_, err = record(context.Background(), c, ID(n-1), snapshot("a", n), state(n-1), state(n))
	}
	if err != nil {
		return err
	}
	return c.Publish()
}

// checkStates returns how many snapshots there are, all as publishNext made
// them.
func checkStates(t testing.TB, path string) int {
	t.Helper()
	c := mustOpen(t, path)
	defer c.Close()
	all, err := c.Snapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		checkTree(t, c, s.ID, state(int(s.ID)))
	}
	return len(all)
}

// beKilled publishes one snapshot after the other.
func beKilled(path string) {
	os.Stdout.WriteString("ready\n")
	for {
		if err := publishNext(path); err != nil {
			os.Stdout.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
	}
}

// TestKill kills a writer at random moments.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.ql")
	published := 0
	for range 20 {
		victim := exec.Command(os.Args[0])
		victim.Env = append(os.Environ(), "CATALOG_TEST_VICTIM="+path)
		out, err := victim.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Scan()
		time.Sleep(time.Duration(rand.Intn(40_000)) * time.Microsecond)
		victim.Process.Kill()
		for lines.Scan() {
			t.Error(lines.Text())
		}
		victim.Wait()
		now := checkStates(t, path)
		if now < published {
			t.Fatalf("%d snapshots, there were %d", now, published)
		}
		published = now
		if published > 30 {
			os.Remove(path) // or the checks would take longer and longer
			published = 0
		}
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range names {
		if strings.Contains(e.Name(), ".tmp-") {
			t.Errorf("%s was not swept", e.Name())
		}
	}
}

// TestReaders reads while another one publishes.
func TestReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.ql")
	if err := publishNext(path); err != nil {
		t.Fatal(err)
	}
	done := make(chan int)
	for range 2 {
		go func() {
			seen := 0
			for seen < 8 && !t.Failed() {
				seen = checkStates(t, path)
			}
			done <- seen
		}()
	}
	for range 7 {
		if err := publishNext(path); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		<-done
	}
}
