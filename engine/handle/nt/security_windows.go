package nt

import (
	"fmt"

	"golang.org/x/sys/windows"
)

const securityParts = windows.OWNER_SECURITY_INFORMATION | windows.GROUP_SECURITY_INFORMATION | windows.DACL_SECURITY_INFORMATION

// Security returns owner, group and access list of what is open, in SDDL.
func Security(h windows.Handle) (string, error) {
	sd, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, securityParts)
	if err != nil {
		return "", err
	}
	return sd.String(), nil
}

// SetSecurity gives what is open an access list, and the owner and group if it
// can. They are set as they are, and what a list was inherited from does not
// matter.
func SetSecurity(h windows.Handle, sddl string) error {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return err
	}
	apply := func(access uint32, parts windows.SECURITY_INFORMATION) error {
		at, err := Open(h, "", Request{Access: access, Options: windows.FILE_OPEN_REPARSE_POINT})
		if err != nil {
			return err
		}
		defer windows.CloseHandle(at)
		return windows.SetKernelObjectSecurity(at, parts, sd)
	}
	if apply(windows.WRITE_DAC|windows.WRITE_OWNER, securityParts) == nil {
		return nil
	}
	// An ordinary user can give away nothing, but says who may look into it.
	if err := apply(windows.WRITE_DAC, windows.DACL_SECURITY_INFORMATION); err != nil {
		return err
	}
	owner, _, err := sd.Owner()
	if err != nil || owner == nil {
		return nil
	}
	if now, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION); err == nil {
		if is, _, err := now.Owner(); err == nil && is != nil && is.Equals(owner) {
			return nil
		}
	}
	return fmt.Errorf("owner: %w", windows.ERROR_INVALID_OWNER)
}

// KeepPrivate gives an open directory an access list by which we, the system and
// administrators may do all in it and nobody else anything, whatever its parent
// allows.
func KeepPrivate(h windows.Handle) error {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return err
	}
	sd, err := windows.SecurityDescriptorFromString("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;" + user.User.Sid.String() + ")")
	if err != nil {
		return err
	}
	list, _, err := sd.DACL()
	if err != nil {
		return err
	}
	at, err := Open(h, "", Request{Access: windows.WRITE_DAC | windows.READ_CONTROL, Options: windows.FILE_OPEN_REPARSE_POINT})
	if err != nil {
		return err
	}
	defer windows.CloseHandle(at)
	return windows.SetSecurityInfo(at, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}
