package show

import (
	"fmt"
	"slices"
	"strings"

	"phlb/engine"
	"phlb/engine/walk"
)

// Taken reports whether any scan takes the path.
func Taken(all []*engine.Explanation) bool {
	return slices.ContainsFunc(all, func(x *engine.Explanation) bool { return x.Taken })
}

// Explanations says what each scan that the path lies in makes of it.
func Explanations(path, policy string, all []*engine.Explanation) string {
	inside := slices.DeleteFunc(slices.Clone(all), func(x *engine.Explanation) bool { return x.Outside })
	if len(all) == 0 {
		return fmt.Sprintf("skipped: %s makes no backup\n", Printable(policy))
	}
	if len(inside) == 0 {
		var roots []string
		for _, x := range all {
			roots = append(roots, Printable(x.Root))
		}
		return fmt.Sprintf("skipped: %s lies outside of what is backed up: %s\n", Printable(path), strings.Join(roots, ", "))
	}
	var b strings.Builder
	for _, x := range inside {
		if len(inside) > 1 {
			fmt.Fprintf(&b, "%s of %s: ", Printable(x.Name), Printable(x.Root))
		}
		b.WriteString(explanation(&x.Verdict))
		if x.Missing {
			b.WriteString("; it does not exist, and is judged by its name")
			if x.Taken {
				b.WriteString(": max_size and where are not asked")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func explanation(v *walk.Verdict) string {
	at := Printable(v.At)
	if v.AtDir {
		at += "/"
	}
	word := "skipped"
	if v.Taken {
		word = "taken"
	}
	switch v.Reason {
	case walk.ByRule:
		text := fmt.Sprintf("skipped: %s by %v", at, v.By)
		if len(v.Over) > 0 {
			text += ", which" + overrides(v)
		}
		if v.AtDir {
			text += "; not entered"
		}
		return text
	case walk.ByMark:
		return fmt.Sprintf("%s: %s holds %s (%s), and what marks a directory is all that is taken of it", word, at, v.By.Text, v.By.Origin)
	case walk.BySize:
		return fmt.Sprintf("skipped: %s by max_size, %s is more than %s", at, Size(v.Size), Size(v.Limit))
	case walk.ByWhere:
		return fmt.Sprintf("skipped: %s by where, %s (%s) says no", at, v.By.Text, v.By.Origin)
	case walk.MountPoint:
		return fmt.Sprintf("%s: %s is a mount point, and with one_file_system nothing in it is taken", word, at)
	case walk.Remote:
		return fmt.Sprintf("skipped: %s is a placeholder, and to read it would fetch it from a server: scan(…, fetch = True) does", at)
	case walk.Excluded:
		return fmt.Sprintf("skipped: %s is the backup root", at)
	case walk.Unreadable:
		return fmt.Sprintf("skipped: %s cannot be read", at)
	case walk.NotDir:
		return fmt.Sprintf("skipped: %s is no directory; if it is a symbolic link, it is taken and not followed", at)
	}
	if v.By == nil {
		return "taken: no rule matches"
	}
	text := "taken: " + v.By.String()
	if v.At != v.Path {
		text += ", which matches " + at + ","
	}
	if len(v.Over) > 0 {
		text += overrides(v)
	}
	return strings.TrimSuffix(text, ",")
}

// overrides lists the rules that lost, without repeating what they share with
// the origin of the one that won.
func overrides(v *walk.Verdict) string {
	shared, _, ok := strings.Cut(v.By.Origin, ", ")
	var list []string
	for _, r := range v.Over {
		short := *r
		if rest, same := strings.CutPrefix(r.Origin, shared+", "); ok && same {
			short.Origin = rest
		}
		list = append(list, short.String())
	}
	return " overrides " + strings.Join(list, ", ")
}
