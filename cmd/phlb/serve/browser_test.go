package serve

import (
	"archive/tar"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"phlb/engine"
)

// browser starts one, that was not let in yet.
func (s *site) browser() context.Context {
	s.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		s.Skip("needs a browser: apt-get install chromium")
	}
	if testing.Short() {
		s.Skip("a browser takes a while")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "en-GB"),
		chromedp.UserDataDir(s.TempDir()), chromedp.WindowSize(1280, 800), chromedp.WSURLReadTimeout(2 * time.Minute),
	}
	all, stop := chromedp.NewExecAllocator(context.Background(), options...)
	s.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(all)
	s.Cleanup(cancel)
	s.Cleanup(func() { chromedp.Cancel(ctx) }) // first: waits until the browser has let go of its folder
	s.do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"})
		return err
	}))
	limited, end := context.WithTimeout(ctx, 10*time.Minute)
	s.Cleanup(end)
	return limited
}

func (s *site) do(ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	s.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		at, _ := chromedp.Run(ctx, chromedp.Location())
		s.Fatalf("browser at %s: %v\nlog: %s", at, err, s.log)
	}
}

// is returns what an action gives.
func is[T any](s *site, ctx context.Context, a chromedp.Action[T]) T {
	s.Helper()
	value, err := chromedp.Run(ctx, a)
	if err != nil {
		at, _ := chromedp.Run(ctx, chromedp.Location())
		s.Fatalf("browser at %s: %v\nlog: %s", at, err, s.log)
	}
	return value
}

// enter opens the address that lets a browser in.
func (s *site) enter(ctx context.Context) {
	s.Helper()
	s.do(ctx, chromedp.Navigate(s.http.URL+s.server.Ticket()), seen("header nav"))
}

// seen waits for something to be seen, and click clicks it.
func seen(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitVisible(chromedp.CSS(selector))
}
func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

func (s *site) text(ctx context.Context) string {
	s.Helper()
	return is(s, ctx, chromedp.Text(chromedp.CSS("main")))
}

func (s *site) location(ctx context.Context) string {
	s.Helper()
	return strings.TrimPrefix(is(s, ctx, chromedp.Location()), s.http.URL)
}

// TestFindDeleted finds a file that is gone, and takes it back.
func TestFindDeleted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	content := strings.Repeat("\x00all that was in it\xff\n", 5000)
	s.write("work/Plan 2026.xls", content, "work/other", "x")
	s.backup()
	s.remove("work/Plan 2026.xls")
	s.backup()
	s.serve()
	ctx := s.browser()
	folder := t.TempDir()
	if _, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder,
	}); err != nil {
		t.Fatal(err)
	}
	s.enter(ctx)
	// As one types, without a click.
	s.do(ctx, chromedp.Navigate(s.http.URL+"/search"), chromedp.SendKeys(chromedp.CSS("#q"), "plan"), seen("#results td.name"))
	s.wants(s.text(ctx), "work/Plan 2026.xls", "gone")
	if at := s.location(ctx); !strings.Contains(at, "q=plan") {
		t.Errorf("the address does not say what is looked for: %s", at)
	}
	s.do(ctx, click("#results td.name a"), seen("a.button[download]"), click("a.button[download]"))
	got := s.arrived(filepath.Join(folder, "Plan 2026.xls"))
	if got != content {
		t.Errorf("%d bytes arrived, and not those that were stored", len(got))
	}
}

// arrived returns a file once it is there.
func (s *site) arrived(path string) string {
	s.Helper()
	for range 3000 {
		if text, err := os.ReadFile(path); err == nil && len(text) > 0 {
			return string(text)
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Fatalf("%s never arrived", path)
	return ""
}

// TestYesterday finds the version of yesterday of a file that was changed, as somebody
// does who knows nothing but the first page.
func TestYesterday(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("letters/bank.txt", "Dear Sir,\nas of old\n", "letters/other.txt", "x")
	s.backup()
	s.write("letters/bank.txt", "Dear Sir,\nruined\n")
	s.backup()
	s.serve()
	ctx := s.browser()
	s.enter(ctx)
	s.do(ctx, click(".card .button"), seen("table.files"), click("td.name.dir a"), seen(".crumbs"), chromedp.Click(chromedp.CSS(`tr.changed td.name a`)), seen("pre.preview"))
	s.wants(s.text(ctx), "ruined", "Versions")
	s.do(ctx, click("td.links a:not([download])"), seen("table.diff"))
	s.wants(s.text(ctx), "as of old", "ruined")
	s.do(ctx, click(".crumbs a"), seen("pre.preview"), click("tbody tr:not(.now) td a"), seen("pre.preview"))
	s.wants(s.text(ctx), "as of old")
}

// TestKeyboard walks through folders and time without a mouse.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("d/a", "1", "d/sub/b", "1")
	first := s.backup()
	s.write("d/a", "2")
	second := s.backup()
	s.write("d/sub/b", "3")
	third := s.backup()
	s.serve()
	ctx := s.browser()
	s.enter(ctx)
	at := func(want string) {
		t.Helper()
		s.do(ctx, seen("footer"))
		for range 6000 {
			if s.location(ctx) == want {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("at %s, not %s", s.location(ctx), want)
	}
	press := func(key string) { s.do(ctx, seen("footer"), chromedp.KeyEvent(key)) }
	s.do(ctx, chromedp.Navigate(s.http.URL+of("browse", third, "d")), seen(".timeline"))
	press(kb.ArrowLeft)
	at(of("browse", second, "d"))
	s.wants(s.text(ctx), "changed")
	press(kb.ArrowLeft)
	at(of("browse", first, "d"))
	press(kb.ArrowLeft) // there is none before
	at(of("browse", first, "d"))
	press(kb.ArrowRight)
	at(of("browse", second, "d"))
	press(kb.ArrowDown) // the first row, which is a folder
	press(kb.Enter)
	at(of("browse", second, "d/sub"))
	press("u")
	at(of("browse", second, "d"))
	press("/")
	s.do(ctx, chromedp.SendKeys(chromedp.CSS("#quick"), "b"+kb.Enter), seen("#results td.name"))
	// All by Tab, too: what has the focus can be seen.
	s.do(ctx, chromedp.Navigate(s.http.URL+of("browse", third, "d")), seen(".timeline"), chromedp.KeyEvent(kb.Tab))
	if got := is(s, ctx, chromedp.Evaluate[string](`document.activeElement.className`)); got != "skip" {
		t.Errorf("the first Tab leads to %q", got)
	}
	if got := is(s, ctx, chromedp.Evaluate[string](`getComputedStyle(document.activeElement).outlineStyle`)); got == "none" {
		t.Error("what has the focus cannot be told")
	}
}

// TestWithoutScript does with forms and links what a script makes quicker.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("d/needle.txt", "found\n")
	first := s.backup()
	s.write("d/needle.txt", "changed\n")
	s.backup()
	s.serve()
	ctx := s.browser()
	s.do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	s.enter(ctx)
	s.do(ctx, chromedp.SendKeys(chromedp.CSS("#q"), "needle"), click(".big button"), seen("#results td.name"), click("#results td.name a"), seen("pre.preview"))
	s.wants(s.text(ctx), "changed")
	s.do(ctx, click(`.timeline a[rel="prev"]`), seen("pre.preview"))
	if at := s.location(ctx); at != of("browse", first, "d/needle.txt") {
		t.Errorf("one back is %s", at)
	}
	s.wants(s.text(ctx), "found")
	s.do(ctx, chromedp.Navigate(s.http.URL+"/sql"), chromedp.SendKeys(chromedp.CSS("#q"), "SELECT count(*) AS n FROM snapshots"), click(".sql button"), seen(".sql td"))
	s.wants(s.text(ctx), "1 rows")
	s.do(ctx, chromedp.Navigate(s.http.URL+"/compare"), click("form.filters button"), seen(".counts"))
}

// TestBrowserOddNames shows names that would be scripts, or move what stands beside
// them, and looks that no page was refused anything.
func TestBrowserOddNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, name := range odd {
		s.write("d/"+name, "content\n"+name, "d/in "+name+"/x", name)
	}
	made := s.backup()
	s.serve()
	ctx := s.browser()
	s.enter(ctx)
	s.do(ctx, chromedp.Navigate(s.http.URL+of("browse", made, "d")), seen("table.files"))
	links := is(s, ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll("td.name a")].map(a => a.getAttribute("href"))`))
	if len(links) != 2*len(odd) {
		t.Errorf("%d links", len(links))
	}
	for _, link := range append(links, of("browse", made, "d"), "/search?q=x", of("space", made, "d"), "/sql?q=SELECT+path+FROM+files") {
		s.do(ctx, chromedp.Navigate(s.http.URL+link), seen("footer"))
		if text := s.text(ctx); strings.Contains(text, "This did not work") {
			t.Errorf("%s: %s", link, text)
		}
		if n := is(s, ctx, chromedp.Evaluate[int](`document.scripts.length`)); n != 1 {
			t.Errorf("%s has %d scripts", link, n)
		}
	}
	// A selection of what no form could send as it is.
	s.do(ctx, chromedp.Navigate(s.http.URL+of("browse", made, "d")), seen("table.files"))
	archive := is(s, ctx, chromedp.Evaluate[string](`(() => {
		document.querySelectorAll("#pick input").forEach(box => box.checked = true);
		return "?" + new URLSearchParams(new FormData(document.getElementById("pick")));
	})()`))
	tarred := s.get(of("archive", made, "d") + archive)
	n := 0
	for in := tar.NewReader(strings.NewReader(tarred)); ; n++ {
		if _, err := in.Next(); err != nil {
			break
		}
	}
	if n != 3*len(odd) {
		t.Errorf("%d entries in the archive", n)
	}
}

// TestAccessible looks at all pages for what a screen reader needs, and whether they
// fit a phone.
func TestAccessible(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.txt", "one\n", "d/b", "2", strings.Repeat("long ", 30)+"/"+strings.Repeat("name", 40), "3")
	first := s.backup()
	s.write("a.txt", "two\n")
	last := s.backup()
	s.serve()
	ctx := s.browser()
	s.enter(ctx)
	pages := append(s.pages(first.Stamp, last.Stamp), of("browse", last, strings.Repeat("long ", 30)), "/browse/docs/none/", "/sql?q=SELECT+*+FROM+files")
	for _, width := range []int64{390, 1280} {
		s.do(ctx, chromedp.EmulateViewport(width, 800))
		for _, path := range pages {
			s.do(ctx, chromedp.Navigate(s.http.URL+path), seen("footer"))
			for _, wrong := range is(s, ctx, chromedp.Evaluate[[]string](accessible)) {
				t.Errorf("%s at %d: %s", path, width, wrong)
			}
		}
	}
}

// TestPhone looks whether tables fit a phone without being scrolled sideways, and whether
// large boxes of a map have a label there.
func TestPhone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.txt", strings.Repeat("one\n", 1000), "d/b", "2")
	s.backup()
	s.write("a.txt", strings.Repeat("two\n", 2000))
	s.backup()
	s.serve()
	ctx := s.browser()
	s.enter(ctx)
	s.do(ctx, chromedp.EmulateViewport(390, 800))
	for _, path := range []string{"/names/docs", "/runs", "/search?q=a", "/browse/docs/latest/", "/browse/docs/latest/a.txt"} {
		s.do(ctx, chromedp.Navigate(s.http.URL+path), seen("footer"))
		for _, wide := range is(s, ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.scrollWidth + " pixels: " + e.querySelector("thead").textContent)`)) {
			t.Errorf("%s: %s", path, wide)
		}
	}
	s.do(ctx, chromedp.Navigate(s.http.URL+"/space/docs/latest/"), seen("footer"))
	labels := is(s, ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".map text")].filter((e) => getComputedStyle(e).display != "none").map((e) => e.textContent)`))
	if len(labels) != 1 || labels[0] != "a.txt" {
		t.Errorf("labels on a phone: %q", labels)
	}
}

// accessible lists what is wrong with a page.
const accessible = `(() => {
	const wrong = [];
	const short = (e) => e.outerHTML.slice(0, 120);
	const all = (selector) => [...document.querySelectorAll(selector)];
	for (const e of all("input, select, textarea")) {
		if (!e.labels.length && !e.getAttribute("aria-label")) wrong.push("without a label: " + short(e));
	}
	for (const e of all("img:not([alt]), iframe:not([title]), nav:not([aria-label])")) wrong.push("without a name: " + short(e));
	for (const e of all("svg")) {
		if (!e.getAttribute("role")) wrong.push("without a role: " + short(e));
	}
	for (const e of all("a[href], button")) {
		if (!e.textContent.trim() && !e.getAttribute("aria-label")) wrong.push("without a text: " + short(e));
	}
	for (const e of all("th")) {
		if (!e.scope) wrong.push("without a scope: " + short(e));
	}
	const ids = all("[id]").map(e => e.id);
	if (new Set(ids).size !== ids.length) wrong.push("an id twice: " + ids);
	if (all("h1").length !== 1) wrong.push(all("h1").length + " first headings");
	if (!document.documentElement.lang || !document.title) wrong.push("no language or title");
	if (all("main").length !== 1) wrong.push("no main part");
	if (document.documentElement.scrollWidth > innerWidth) wrong.push("is " + document.documentElement.scrollWidth + " wide");
	for (const e of all("a.button, button:not(.link):not([hidden]), header nav a, .step")) {
		const box = e.getBoundingClientRect();
		if (box.height > 0 && box.height < 24) wrong.push("too low to be hit: " + short(e));
	}
	return wrong;
})()`

// TestTwoBrowsers has two look around, each let in for itself, while a backup runs.
func TestTwoBrowsers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 200 {
		s.write(fmt.Sprintf("d%d/f%d", i%5, i), strings.Repeat(fmt.Sprint(i), 50))
	}
	made := s.backup()
	s.serve()
	one, other := s.browser(), s.browser()
	s.enter(one)
	s.enter(other)
	ended := make(chan error)
	go func() {
		var err error
		for i := range 5 {
			if err == nil {
				err = os.WriteFile(filepath.Join(s.source, fmt.Sprint("new", i)), []byte("x"), 0o644)
			}
			if err == nil {
				_, err = s.engine(false).Backup(context.Background(), engine.Source{Root: s.source})
			}
		}
		ended <- err
	}()
	for range 4 {
		for _, ctx := range []context.Context{one, other} {
			s.do(ctx, chromedp.Navigate(s.http.URL+of("browse", made, ".")), seen("table.files"), click("td.name.dir a"), seen("td.name.file"))
			s.lacks(s.text(ctx), "This did not work")
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
