package store

// OpenDir opens a directory that lies outside of a root, such as one that is
// restored into. The last name of the path must not be a symbolic link.
func OpenDir(path string) (*Dir, error) { return openRoot(path) }
