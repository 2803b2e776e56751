//go:build !linux

package store

import "context"

// deleteTree deletes a tree of ours.
func deleteTree(ctx context.Context, path string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return removeTree(path)
}
