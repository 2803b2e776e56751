//go:build !race

package fault

// underRace says that the tests look for data races.
const underRace = false
