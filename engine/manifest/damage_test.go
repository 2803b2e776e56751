package manifest

import (
	"bytes"
	"fmt"
	"testing"
)

// TestFlippedBits damages a manifest everywhere. Whatever can still be read is
// what was written, for files are linked to by its word.
func TestFlippedBits(t *testing.T) {
	var want []Entry
	for i := range 40 {
		want = append(want, Entry{Path: fmt.Sprintf("f%03d", i), Kind: File, Digest: Digest256([32]byte{byte(i), 1, 2, 3}), Size: int64(i)})
	}
	var out bytes.Buffer
	w := NewWriter(&out, header)
	for i := range want {
		if err := w.Write(&want[i]); err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(Summary{}); err != nil {
		t.Fatal(err)
	}
	data := out.Bytes()
	noticed := 0
	for at := range data {
		for bit := range 8 {
			damaged := bytes.Clone(data)
			damaged[at] ^= 1 << bit
			_, got, _, err := read(damaged)
			if err != nil {
				noticed++
			}
			for i, e := range got {
				if e.Path != want[i].Path || e.Digest != want[i].Digest || e.Size != want[i].Size {
					t.Fatalf("with bit %d of byte %d flipped, %+v was read (error %v)", bit, at, e, err)
				}
			}
		}
	}
	if noticed < 8*len(data)*9/10 {
		t.Errorf("%d of %d flipped bits were noticed", noticed, 8*len(data))
	}
}
