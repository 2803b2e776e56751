package serve

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast holds colours of text against what they stand on: 4.5 to 1 is what
// the Web Content Accessibility Guidelines ask for in level AA.
func TestContrast(t *testing.T) {
	t.Parallel()
	css, err := files.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, _ := strings.Cut(string(css), "prefers-color-scheme: dark")
	dark, _, _ := strings.Cut(rest, "* { box-sizing")
	pairs := "text/bg text/panel text/hover soft/bg soft/panel soft/hover accent/bg accent/panel accent/hover accent-text/accent " +
		"good/good-bg warn/warn-bg bad/bad-bg text/add-bg text/del-bg text/mod-bg accent/add-bg accent/del-bg accent/mod-bg " +
		"soft/add-bg soft/del-bg soft/mod-bg good/add-bg bad/del-bg mod/mod-bg mod/panel good/panel bad/panel"
	for i := range 8 {
		pairs += fmt.Sprintf(" text/c%d", i)
	}
	for name, palette := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, found := range regexp.MustCompile(`--([a-z0-9-]+): #([0-9a-f]+);`).FindAllStringSubmatch(palette, -1) {
			colours[found[1]] = luminance(t, found[2])
		}
		for _, pair := range strings.Fields(pairs) {
			above, below, _ := strings.Cut(pair, "/")
			a, known := colours[above]
			b, known2 := colours[below]
			if !known || !known2 {
				t.Fatalf("%s: no colour of %s", name, pair)
			}
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("%s: %s is %.2f to 1", name, pair, ratio)
			}
		}
	}
}

// luminance is the relative luminance of a colour, as the guidelines define it.
func luminance(t *testing.T, digits string) float64 {
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(c uint64) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(n>>16) + 0.7152*linear(n>>8) + 0.0722*linear(n)
}
