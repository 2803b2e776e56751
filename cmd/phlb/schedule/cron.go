package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"phlb/runtime"
)

// crontab starts jobs as lines in the user's crontab. Each ends in a comment,
// by which it is known: other lines are never changed.
type crontab struct{}

var _ scheduler = crontab{}

// cronTag is the comment; the shell ignores it. The command before it was
// written by line.
var cronTag = regexp.MustCompile(` # phlb-([A-Za-z0-9_-]+): ([^:]+(?::\d\d)?): (.*)$`)

func (crontab) available(context.Context) error {
	if _, err := exec.LookPath("crontab"); err != nil {
		return errors.New("cron: there is no crontab here, install cron")
	}
	return nil
}

func (t crontab) plan(w io.Writer, j *Job) error {
	line, err := t.line(j)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "# crontab -e\n%s\n", line)
	return err
}

func (crontab) line(j *Job) (string, error) {
	words := []string{"nice", "-n", "19"}
	if _, err := exec.LookPath("ionice"); err == nil {
		words = append(words, "ionice", "-c", "3")
	}
	if len(j.Env) > 0 {
		words = slices.Concat([]string{"env"}, j.Env, words)
	}
	words = append(words, j.Argv...)
	line := j.Moment.cron() + " cd " + cronWord(j.Dir) + " && " + cronWord(words...) +
		fmt.Sprintf(" # %s: %s: %s", j.unit(), j.When, strings.ReplaceAll(j.Command, "%", `\%`))
	if strings.ContainsAny(line, "\n\x00") {
		return "", runtime.Usagef("a crontab has no way to write a line break in a name or argument: %q", line)
	}
	return line, nil
}

// cronWord quotes words for the shell in a crontab, where \% is a percent sign;
// the quotes before that keep a backslash of the word's own apart.
func cronWord(words ...string) string {
	return strings.ReplaceAll(shellescape.QuoteCommand(words), "%", `''\%`)
}

func (t crontab) add(ctx context.Context, j *Job) (note string, err error) {
	line, err := t.line(j)
	if err != nil {
		return "", err
	}
	lines, err := t.read(ctx)
	if err != nil {
		return "", err
	}
	return "", t.write(ctx, append(lines, line))
}

// read returns the lines of the crontab.
func (crontab) read(ctx context.Context) ([]string, error) {
	cmd := exec.CommandContext(ctx, "crontab", "-l")
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch said := stderr.String(); {
	case err == nil:
		return strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n"), nil
	case errors.Is(err, exec.ErrNotFound), strings.Contains(said, "no crontab"), strings.Contains(said, "No such file"),
		strings.Contains(said, "not allowed"):
		return nil, nil // no other sign tells that from a failure
	default:
		return nil, fmt.Errorf("crontab -l: %w: %s", err, strings.TrimSpace(said))
	}
}

func (crontab) write(ctx context.Context, lines []string) error {
	return execute(ctx, []string{"crontab", "-"}, strings.Join(lines, "\n")+"\n")
}

func (t crontab) list(ctx context.Context) (all []Job, err error) {
	lines, err := t.read(ctx)
	for _, line := range lines {
		if found := cronTag.FindStringSubmatch(line); found != nil && !strings.HasPrefix(line, "#") {
			all = append(all, Job{Name: found[1], When: found[2], Command: strings.ReplaceAll(found[3], `\%`, "%")})
		}
	}
	return all, err
}

func (t crontab) remove(ctx context.Context, name string) (bool, error) {
	lines, err := t.read(ctx)
	if err != nil {
		return false, err
	}
	var kept []string
	for _, line := range lines {
		found := cronTag.FindStringSubmatch(line)
		if found == nil || found[1] != name || strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	if len(kept) == len(lines) {
		return false, nil
	}
	return true, t.write(ctx, kept)
}
