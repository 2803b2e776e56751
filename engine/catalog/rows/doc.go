// Package rows is what the tables of a catalog hold, row by row: snapshots, the
// versions of paths, and what was done to the root or found there. It makes the
// tables in a file of [qlfile], brings those of older versions of phlb to the newest
// schema, and turns rows into values of Go and back.
//
// Most callers want package catalog, which keeps the rows true to one another.
// Nothing here does.
package rows
