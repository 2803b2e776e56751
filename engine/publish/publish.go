// Package publish puts files in the place of others in a single step: whoever reads
// the one that was there goes on with it, and whoever opens the name later gets the
// new one. On Windows that takes more than package os has.
package publish
