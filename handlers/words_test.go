package handlers_test

import (
	"testing"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
	"sessionlab/handlers"
)

// Whatever keeps somebody from signing in is explained to them.
func TestReasonsAreExplained(t *testing.T) {
	for _, err := range []error{
		auth.ErrInvalid, auth.ErrExpired, auth.ErrRevoked, auth.ErrReused, auth.ErrVersion, auth.ErrSignedOut, auth.ErrDisabled, auth.ErrNotConfirmable,
	} {
		if !handlers.Explained(auth.Reason(err)) {
			t.Errorf("%v is not explained", err)
		}
	}
	for _, err := range []*oauth.Error{
		oauth.ErrState, oauth.ErrCookieMissing, oauth.ErrFlowExpired, oauth.ErrCancelled, oauth.ErrProvider,
		oauth.ErrUnavailable, oauth.ErrMisconfigured, oauth.ErrIdentity, oauth.ErrAnotherPerson,
	} {
		if !handlers.Explained(err.Code) {
			t.Errorf("%v is not explained", err)
		}
	}
	for _, flaw := range []auth.PasswordFlaw{auth.PasswordShort, auth.PasswordLong, auth.PasswordCommon, auth.PasswordPersonal} {
		if !handlers.Explained(string(flaw)) {
			t.Errorf("%v is not explained", flaw)
		}
	}
}
