package nt

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// What GetFileInformationByHandleEx returns, see there.
type (
	BasicInfo struct {
		Created, Accessed, Written, Changed int64
		Attributes                          uint32
	}
	StandardInfo struct {
		Allocated, Size int64
		Links           uint32
		DeletePending   bool
		Directory       bool
	}
	TagInfo struct{ Attributes, Tag uint32 }
	idInfo  struct {
		Volume uint64
		ID     [2]uint64
	}
)

// Information is what GetFileInformationByHandleEx can be asked for.
func Information[T any](h windows.Handle, class uint32) (found T, err error) {
	err = windows.GetFileInformationByHandleEx(h, class, (*byte)(unsafe.Pointer(&found)), uint32(unsafe.Sizeof(found)))
	return found, err
}

// Set is the counterpart of [Information], by the classes of NtSetInformationFile.
func Set[T any](h windows.Handle, class uint32, to T) error {
	return plain(windows.NtSetInformationFile(h, new(windows.IO_STATUS_BLOCK), (*byte)(unsafe.Pointer(&to)), uint32(unsafe.Sizeof(to)), class))
}

// Identity returns the numbers that tell a file from all others, zeros where the
// file system has none. An ID of 128 bits, as ReFS has them, is folded to 64: on
// NTFS the rest is zero.
func Identity(h windows.Handle) (volume, file uint64) {
	if id, err := Information[idInfo](h, windows.FileIdInfo); err == nil {
		const odd = 0x9e3779b97f4a7c15 // of the golden ratio: spreads small numbers
		return id.Volume, id.ID[0] ^ id.ID[1]*odd
	}
	var by windows.ByHandleFileInformation
	if windows.GetFileInformationByHandle(h, &by) != nil {
		return 0, 0
	}
	return uint64(by.VolumeSerialNumber), uint64(by.FileIndexHigh)<<32 | uint64(by.FileIndexLow)
}

// Names calls f with the names in a directory, in no order, with the inodes that they
// are of and their attributes. It ends with the first error.
func Names(dir windows.Handle, f func(name string, id uint64, attributes uint32) error) error {
	// FILE_ID_BOTH_DIR_INFO
	type entry struct {
		Next, Index                         uint32
		Created, Accessed, Written, Changed int64
		Size, Allocated                     int64
		Attributes, NameLength, EaSize      uint32
		ShortLength                         byte
		Short                               [12]uint16
		ID                                  uint64
		Name                                [1]uint16
	}
	buf := make([]uint64, 8<<10)
	class := uint32(windows.FileIdBothDirectoryRestartInfo)
	for {
		err := windows.GetFileInformationByHandleEx(dir, class, (*byte)(unsafe.Pointer(&buf[0])), uint32(8*len(buf)))
		if err == windows.ERROR_NO_MORE_FILES || err == windows.ERROR_FILE_NOT_FOUND {
			return nil
		}
		if err != nil {
			return err
		}
		class = windows.FileIdBothDirectoryInfo
		for at := unsafe.Pointer(&buf[0]); ; {
			e := (*entry)(at)
			name := windows.UTF16ToString(unsafe.Slice(&e.Name[0], e.NameLength/2))
			if name != "." && name != ".." {
				if err := f(name, e.ID, e.Attributes); err != nil {
					return err
				}
			}
			if e.Next == 0 {
				break
			}
			at = unsafe.Add(at, e.Next)
		}
	}
}

// Data returns the next region at or after off that holds data, for a file of that
// size; start is size where only a hole follows.
func Data(h windows.Handle, off, size int64) (start, end int64, err error) {
	type ranges struct{ Offset, Length int64 } // FILE_ALLOCATED_RANGE_BUFFER
	asked := ranges{off, size - off}
	var found ranges
	var n uint32
	err = windows.DeviceIoControl(h, windows.FSCTL_QUERY_ALLOCATED_RANGES, (*byte)(unsafe.Pointer(&asked)), uint32(unsafe.Sizeof(asked)),
		(*byte)(unsafe.Pointer(&found)), uint32(unsafe.Sizeof(found)), &n, nil)
	switch {
	case err != nil && err != windows.ERROR_MORE_DATA: // not every file system can tell
		return off, size, nil
	case n == 0:
		return size, size, nil
	}
	start = max(off, found.Offset)
	return min(start, size), min(found.Offset+found.Length, size), nil
}
