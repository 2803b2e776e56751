package qlfile

import "modernc.org/file"

// Space is how a database uses its file.
type Space struct {
	Records int64            // for which there is room
	Moved   map[string]int64 // by table, rows that lie elsewhere than where they were made, in a second record
}

// Verify checks what QL keeps of the space in the file, and reads all rows.
// Nobody may read or change it meanwhile.
func (f *File) Verify() (Space, error) {
	if f.failed != nil {
		return Space{}, f.failed
	}
	var found file.VerifyOptions
	alloc, err := file.NewAllocator(f.pages)
	if err == nil {
		err = alloc.Verify(&found)
	}
	if err != nil {
		return Space{}, f.damaged(err)
	}
	space := Space{found.Allocs, map[string]int64{}}
	tables, err := f.Tables()
	if err != nil {
		return space, err
	}
	s := newScanner(&f.pages.layers)
	defer s.close()
	for _, t := range tables {
		rows, err := f.Rows(t.Name)
		if err != nil {
			return space, err
		}
		for rows.Next() {
			at, _, err := s.locate(offset(rows.Handle()))
			if err != nil {
				rows.Close()
				return space, err
			}
			if at != offset(rows.Handle()) {
				space.Moved[t.Name]++
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return space, err
		}
	}
	return space, nil
}
