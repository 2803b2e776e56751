package store

import (
	"os"
	"testing"
)

// roles are what a process that is started again may do instead of testing,
// by the variable that asks for it.
var roles = map[string]func(value string){}

func TestMain(m *testing.M) {
	for env, role := range roles {
		if value := os.Getenv(env); value != "" {
			role(value)
		}
	}
	os.Exit(m.Run())
}
