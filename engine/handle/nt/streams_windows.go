package nt

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Stream is an alternate stream of a file: content under a second name.
type Stream struct{ Name, Content string }

// Streams returns the alternate streams of what is open, which may be of most bytes
// together.
func Streams(h windows.Handle, most int64) (found []Stream, err error) {
	// FILE_STREAM_INFO
	type entry struct {
		Next, NameLength uint32
		Size, Allocated  int64
		Name             [1]uint16
	}
	buf := make([]uint64, 512)
	for {
		err := windows.GetFileInformationByHandleEx(h, windows.FileStreamInfo, (*byte)(unsafe.Pointer(&buf[0])), uint32(8*len(buf)))
		if err == windows.ERROR_MORE_DATA && len(buf) < 1<<20 {
			buf = make([]uint64, 2*len(buf))
			continue
		}
		if err == windows.ERROR_HANDLE_EOF || IsUnknown(err) { // has none, or cannot
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		break
	}
	size := int64(0)
	for at := unsafe.Pointer(&buf[0]); ; {
		e := (*entry)(at)
		full := windows.UTF16ToString(unsafe.Slice(&e.Name[0], e.NameLength/2))
		if name, ok := strings.CutSuffix(strings.TrimPrefix(full, ":"), ":$DATA"); ok && name != "" {
			if size += e.Size; size > most {
				return nil, fmt.Errorf("take more than the %d MiB that a manifest has room for", most>>20)
			}
			value, err := readStream(h, full, e.Size)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			found = append(found, Stream{name, value})
		}
		if e.Next == 0 {
			return found, nil
		}
		at = unsafe.Add(at, e.Next)
	}
}

func readStream(h windows.Handle, name string, size int64) (string, error) {
	s, err := OpenStream(h, name, Request{Access: windows.FILE_GENERIC_READ})
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(s)
	text := make([]byte, size)
	for done := 0; done < len(text); {
		var n uint32
		if err := windows.ReadFile(s, text[done:], &n, nil); err != nil || n == 0 {
			return string(text[:done]), err
		}
		done += int(n)
	}
	return string(text), nil
}

// WriteStream gives an alternate stream its content.
func WriteStream(h windows.Handle, name, value string) error {
	s, err := OpenStream(h, name, Request{Access: windows.FILE_GENERIC_WRITE, Disposition: windows.FILE_OVERWRITE_IF})
	if err != nil {
		return err
	}
	defer windows.CloseHandle(s)
	for rest := []byte(value); len(rest) > 0; {
		var n uint32
		if err := windows.WriteFile(s, rest, &n, nil); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return windows.FlushFileBuffers(s)
}

// RemoveStream removes an alternate stream, if there is one of that name.
func RemoveStream(h windows.Handle, name string) error {
	s, err := OpenStream(h, name, Request{Access: windows.DELETE})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer windows.CloseHandle(s)
	return remove(s)
}
