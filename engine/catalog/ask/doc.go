// Package ask answers questions about a catalog in SQL: in the whole language
// of SQLite, over tables that are read from the file of the catalog while the
// question is answered.
//
//	s, err := ask.Open(reader, ask.Options{})
//	…
//	defer s.Close()
//	rows, err := s.Query(ctx, "SELECT path, size FROM files WHERE size > ?", 1<<30)
//	…
//	for row, err := range rows.All() {
//		…
//	}
//
// A [Session] is a database in memory that holds nothing but the names of
// tables, of views over them and of functions: [Tables] and [Functions] describe
// them. The rows come from blocks of the catalog as SQLite asks for them. What a
// question says of the path, the name, the digest, the kind, the size or the
// times of a version is looked at before a row is handed on, and only the columns
// are decoded that the question mentions.
//
// Nothing can be changed by a question: it is one statement that reads, SQLite
// refuses what writes, attaches or loads, and there is nothing in the database
// that could be written to.
//
// # What it does not promise
//
// A catalog has no index. A question reads all rows of the tables that it
// mentions, whatever it asks for, and sorts in temporary files what does not fit
// into a few megabytes.
package ask
