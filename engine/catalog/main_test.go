package catalog

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("CATALOG_TEST_VICTIM"); path != "" {
		beKilled(path)
	}
	flag.Set("rapid.checks", "15") // unless the command line says otherwise
	os.Exit(m.Run())
}
