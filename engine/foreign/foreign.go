// Package foreign knows the snapshots of other backup tools, so that they can be
// taken over as they are: which tool wrote a tree, how its run ended, which files
// are the tool's own, and which digest it has recorded of each of the others.
//
// Most callers [Recognise] the tool of a tree once and ask it for a [Folder] of
// every directory that they walk. The package only reads.
package foreign

import (
	"context"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/dustin/go-humanize/english"

	"phlb/engine/store"
	"phlb/engine/walk"
)

// Tool is the backup tool that wrote a snapshot, "" for phlb itself. An adopted
// snapshot carries the name of its tool as a tag.
//
// The tool's own files are no content: no manifest has them, no restore brings
// them back, and verify does not take them for extra. They stay where they are,
// so that the tool can still read its snapshots, that verify can still ask what
// the tool said of a file, and that no kill can part a file from its digest. The
// tool's index in the root's .phlb (hash-lookup, size-lookup) is not needed, and
// stays too.
type Tool string

const (
	// sidecars is pyhardlinkbackup before 1.0: beside every file lies another,
	// named for it and the algorithm, that holds the digest and nothing else.
	sidecars Tool = "pyhardlinkbackup-0.12"
	// sums is pyhardlinkbackup since then: a SHA256SUMS in every folder.
	sums Tool = "pyhardlinkbackup-1"
)

// Layout is how both tools name the folder of a snapshot, unless they were
// configured to do otherwise.
const Layout = "2006-01-02-150405"

// Of returns the tool that a snapshot of these tags is from, "" for none.
func Of(tags []string) Tool {
	for _, tool := range []Tool{sidecars, sums} {
		if slices.Contains(tags, string(tool)) {
			return tool
		}
	}
	return ""
}

// Recognise returns the tool that wrote the tree at ref, "" where there is no
// sign of one.
func Recognise(root *store.Root, ref store.Ref) Tool {
	_, err := time.Parse(Layout, ref.Stamp)
	switch {
	case root.HasBeside(ref, summarySuffix), root.HasBeside(ref, logSuffix):
		return sums
	case isRunConfig(tail(openInside(root, ref, runConfig))):
		return sidecars
	// A run of it that was cut off may have left nothing beside the tree.
	case err == nil && root.HasOurs("hash-lookup") && hasSums(root, ref):
		return sums
	}
	return ""
}

// openInside opens the file of that name in the tree at ref.
func openInside(root *store.Root, ref store.Ref, name string) (*os.File, error) {
	tree, err := root.OpenSnapshot(ref)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	return tree.Read(name)
}

// hasSums reports whether a file of that name lies anywhere in the tree.
func hasSums(root *store.Root, ref store.Ref) (found bool) {
	tree, err := root.OpenSnapshot(ref)
	if err != nil {
		return false
	}
	defer tree.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	// What cannot be read is reported by the walk that follows.
	_ = walk.EachFile(ctx, walk.Of(&tree.Dir), func(e *walk.Entry) {
		if e.Name() == sumsName {
			found = true
			stop()
		}
	})
	return found
}

// What the tools have left beside a tree, called like it.
const (
	summarySuffix = "-summary.txt" // of sums, written at the end of a run
	logSuffix     = "-backup.log"  // of sums
	oldSuffix     = " summary.txt" // of sidecars, in early versions
)

// Beside returns the suffixes of the files that the tool has left beside a tree, but
// for the log that a snapshot of phlb has too.
func (tool Tool) Beside() []string {
	switch tool {
	case sums:
		return []string{summarySuffix, logSuffix}
	case sidecars:
		return []string{oldSuffix}
	}
	return nil
}

var (
	runEnded   = regexp.MustCompile(`(?m)^Backup (done|complete)`)
	runAborted = regexp.MustCompile(`\*\*\* Abort backup, because user hits|WARNING: Unknown scan abort!|ERROR: Backup aborted with a unexpected error`)
	runErrors  = regexp.MustCompile(`WARNING: (\d+) omitted files!|Errors during backup:\s+(\d+)`)
)

// Outcome reads how the tool's run for the tree at ref ended. It returns how
// many of its files it could not take, one more where it was cut off, and that
// in words; 0 where all went well.
func (tool Tool) Outcome(root *store.Root, ref store.Ref) (errors int64, words string) {
	var text []byte
	switch tool {
	case sums:
		text = tail(root.OpenBeside(ref, summarySuffix))
	case sidecars:
		text = slices.Concat(tail(root.OpenBeside(ref, oldSuffix)), tail(root.OpenBeside(ref, ".log")))
	default:
		return 0, ""
	}
	for _, found := range runErrors.FindAllSubmatch(text, -1) {
		n, _ := strconv.ParseInt(string(found[1])+string(found[2]), 10, 64)
		errors = max(errors, n)
	}
	switch {
	case len(text) == 0:
		return errors + 1, "nothing is left that says that its run came to an end"
	case runAborted.Match(text):
		return errors + 1, "its run was interrupted"
	case !runEnded.Match(text):
		return errors + 1, "its run was cut off"
	case errors > 0:
		return errors, "its run left out " + english.Plural(int(errors), "file", "")
	}
	return 0, ""
}

// tail returns the end of a text file, nothing where it could not be opened, and
// closes it.
func tail(f *os.File, err error) []byte {
	const most = 1 << 20 // a log may be long, and all that counts stands at its end
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	text, _ := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-most), most))
	return text
}
