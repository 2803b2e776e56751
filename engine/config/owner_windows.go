package config

import (
	"io/fs"

	"golang.org/x/sys/windows"
)

// ofOthers reports whether a file belongs neither to the user nor to the
// administrators or the system. One on a file system without owners may be
// anybody's.
func ofOthers(path string, _ fs.FileInfo) bool {
	security, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return true
	}
	owner, _, err := security.Owner()
	if err != nil || owner == nil {
		return true
	}
	if owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) || owner.IsWellKnown(windows.WinLocalSystemSid) {
		return false
	}
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	return err != nil || !owner.Equals(self.User.Sid)
}

// othersWrite reports nothing: modes tell nothing here.
func othersWrite(fs.FileInfo) bool { return false }
