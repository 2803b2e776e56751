package manifest

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// ErrTag says that a tag is no word.
var ErrTag = errors.New("is no tag")

// CheckTags returns [ErrTag] unless each tag is a word: letters, digits and
// -_.:/@. Tags are listed one per line and one behind the other, and a rule that
// keeps snapshots by their tags must not find one that nobody gave. More than a
// manifest can hold are an error too.
func CheckTags(tags []string) error {
	if len(tags) > MaxTags {
		return fmt.Errorf("%d tags are too many: a snapshot has at most %d", len(tags), MaxTags)
	}
	for _, tag := range tags {
		if tag == "" || strings.ContainsFunc(tag, notInTag) {
			return fmt.Errorf("%q %w: use letters, digits and any of -_.:/@", tag, ErrTag)
		}
	}
	return nil
}

func notInTag(r rune) bool {
	return r == unicode.ReplacementChar || !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.:/@", r)
}
