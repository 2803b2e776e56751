package store

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount names the mount that the root lies on, and the disk if it is one: another
// name means that the root was mounted anew since, and that what was not synced
// before may be lost. It is empty where the system cannot tell.
func (r *Root) Mount() string {
	var st unix.Statx_t
	// A unique number is never given again; Linux has them since 6.8.
	if err := unix.Statx(unix.AT_FDCWD, r.Path, 0, unix.STATX_MNT_ID_UNIQUE, &st); err != nil || st.Mask&unix.STATX_MNT_ID_UNIQUE == 0 {
		if err = unix.Statx(unix.AT_FDCWD, r.Path, 0, unix.STATX_MNT_ID, &st); err != nil || st.Mask&unix.STATX_MNT_ID == 0 {
			return ""
		}
	}
	mount := fmt.Sprintf("%d %d:%d", st.Mnt_id, st.Dev_major, st.Dev_minor)
	// The kernel counts up for every disk that is put in.
	if seq, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/diskseq", st.Dev_major, st.Dev_minor)); err == nil {
		return mount + " " + strings.TrimSpace(string(seq))
	}
	return mount
}
