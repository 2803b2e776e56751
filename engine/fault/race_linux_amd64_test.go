//go:build race

package fault

const underRace = true
