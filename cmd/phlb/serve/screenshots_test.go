package serve

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"phlb/cmd/phlb/serve/address"
	"phlb/engine"
)

var screenshots = flag.String("screenshots", "", "folder to put pictures of the main pages into")

// demo is a root that somebody may have: four weeks of a folder of documents.
func demo(t testing.TB) *site {
	s := newSite(t)
	random := rand.New(rand.NewPCG(1, 2))
	blob := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return string(b)
	}
	const letter = "Dear Ms Baker,\n\nthank you for the quote of 12 October.\n\nWe would like the oak table, and six chairs.\nPlease deliver on a %s, in the %s.\n\n%sKind regards\nAnn Example\n"
	s.write("letters/joiner.txt", fmt.Sprintf(letter, "Monday", "morning", ""), "letters/bank.txt", "Dear Sir or Madam,\n", "letters/insurance.txt", "Policy 4711\n")
	s.write("taxes/2025/income.ods", blob(180_000), "taxes/2025/receipts.pdf", blob(900_000), "taxes/2026/receipts.pdf", blob(400_000))
	for i := range 24 {
		s.write(fmt.Sprintf("photos/2026 Alps/IMG_%04d.jpg", 1200+i), blob(120_000+random.IntN(90_000)))
	}
	for i := range 9 {
		s.write(fmt.Sprintf("photos/2025 Lisbon/IMG_%04d.jpg", 300+i), blob(100_000+random.IntN(90_000)))
	}
	s.write("thesis/thesis.tex", "\\documentclass{book}\n", "thesis/figures/plot.svg", "<svg/>", "thesis/data/run-1.csv", blob(700_000), "todo.md", "# To do\n")
	s.write("recipes/lentil soup.md", "Lentils, carrots, cumin.\n", "recipes/bread.md", "Flour, water, salt.\n")
	for day := range 28 {
		s.write("todo.md", fmt.Sprintf("# To do\n\n- day %d\n", day))
		switch {
		case day%3 == 0:
			s.write("thesis/thesis.tex", "\\documentclass{book}\n"+strings.Repeat("Another sentence.\n", day))
			s.write(fmt.Sprintf("thesis/data/run-%d.csv", 2+day/3), blob(90_000*(1+day%4)))
		case day == 10:
			for i := range 14 {
				s.write(fmt.Sprintf("photos/2026 Sea/IMG_%04d.jpg", 2000+i), blob(150_000))
			}
		case day == 26:
			s.write("letters/joiner.txt", fmt.Sprintf(letter, "Friday", "afternoon", "The old table can go with you.\n\n"))
			s.write("letters/landlord.txt", "Dear Mr Stone,\n")
			s.remove("letters/insurance.txt")
		}
		s.backup()
	}
	last := s.backup()
	_, err := s.engine(false).Verify(context.Background(), last, engine.Check{Sample: 1})
	s.must(err)
	s.now = s.now.Add(-20 * time.Hour)
	return s.serve()
}

// TestScreenshots makes pictures of the six main pages, in light, in dark and as wide
// as a phone: go test ./cmd/phlb/serve -run Screenshots -screenshots DIR
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("makes pictures where it is asked for, with -screenshots DIR")
	}
	s := demo(t)
	ctx := s.browser()
	s.enter(ctx)
	all, err := s.engine(true).Snapshots(context.Background(), "")
	s.must(err)
	changed := all[2] // in which letters have changed
	pages := []struct{ name, path string }{
		{"backups", "/"},
		{"browse", of("browse", changed, "letters")},
		{"file", of("browse", all[0], "letters/joiner.txt")},
		{"diff", string(address.Diff(changed.Name, "letters/joiner.txt", all[3].Stamp, changed.Stamp))},
		{"search", "/search?q=img_12"},
		{"space", of("space", all[0], ".")},
		{"snapshot", string(address.Snapshot(changed)) + "?free=1"},
		{"state", "/state"},
		{"name", string(address.Name("docs"))},
		{"compare", "/compare?a=" + all[3].Ref().String() + "&b=" + changed.Ref().String()},
		{"runs", "/runs"},
		{"settings", "/settings"},
		{"error", "/browse/docs/2020-01-01-000000/"},
	}
	for _, look := range []struct {
		name   string
		scheme string
		width  int64
		height int64
	}{{"light", "light", 1120, 760}, {"dark", "dark", 1120, 760}, {"phone", "light", 390, 800}} {
		for _, p := range pages {
			s.do(ctx, chromedp.EmulateViewport(look.width, look.height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
				features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}
				_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
				return err
			}), chromedp.Navigate(s.http.URL+p.path), seen("footer"))
			picture := is(s, ctx, chromedp.CaptureScreenshot())
			// What is below the page's content tells of this machine, or nothing.
			end := is(s, ctx, chromedp.Evaluate[float64](`Math.max(...[...document.querySelectorAll("main > *")].map(e => e.getBoundingClientRect().bottom))`))
			s.must(os.WriteFile(filepath.Join(*screenshots, p.name+"-"+look.name+".png"), s.cropped(picture, int(end)+24), 0o644))
		}
	}
}

// cropped returns the upper part of a picture.
func (s *site) cropped(picture []byte, height int) []byte {
	s.Helper()
	whole, err := png.Decode(bytes.NewReader(picture))
	s.must(err)
	part := whole.Bounds()
	part.Max.Y = min(part.Max.Y, height)
	var b bytes.Buffer
	s.must((&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, whole.(interface {
		SubImage(image.Rectangle) image.Image
	}).SubImage(part)))
	return b.Bytes()
}
