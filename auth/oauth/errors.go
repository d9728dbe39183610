package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"

	"golang.org/x/oauth2"
)

// An Error says why a sign-in did not happen. Code is stable and part of the
// site's interface. The text is for a log: it is in words of ours and never
// holds a code, a state, a token or anything else that a provider wrote.
//
// Two of them are the same for [errors.Is] if their codes are.
type Error struct {
	Code string
	text string
	err  error // safe to print; nil if there is none
}

// The errors of a sign-in.
var (
	// ErrState says that the callback belongs to no open flow of this browser
	// and provider: its state is missing, unknown, or was used before.
	ErrState = &Error{Code: "flow_invalid", text: "no such sign-in flow"}
	// ErrCookieMissing says that the state may be ours but the browser brought
	// no flow cookie at all. Browsers that refuse Secure cookies on
	// http://localhost, as older Safari does, look like this.
	ErrCookieMissing = &Error{Code: "flow_cookie_missing", text: "no sign-in cookie came back"}
	// ErrFlowExpired says that the flow is 10 minutes old, or older.
	ErrFlowExpired = &Error{Code: "flow_expired", text: "sign-in flow expired"}
	// ErrCancelled says that the person said no at the provider.
	ErrCancelled = &Error{Code: "cancelled", text: "sign-in cancelled at the provider"}
	// ErrProvider says that the provider refused, or answered nonsense.
	ErrProvider = &Error{Code: "provider_error", text: "provider error"}
	// ErrUnavailable says that the provider did not answer, or not in time.
	ErrUnavailable = &Error{Code: "provider_unavailable", text: "provider unavailable"}
	// ErrIdentity says that what the provider vouches for does not hold.
	ErrIdentity = &Error{Code: "identity_invalid", text: "identity not accepted"}
	// ErrUnknownProvider says that no provider has that id.
	ErrUnknownProvider = &Error{Code: "unknown_provider", text: "unknown provider"}
)

func (e *Error) Error() string {
	if e.err != nil {
		return e.text + ": " + e.err.Error()
	}
	return e.text
}

// Unwrap returns what is behind e, if that is safe to print.
func (e *Error) Unwrap() error { return e.err }

// Is compares codes.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Code returns the code of the [Error] in err's chain, empty if there is none.
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// because adds a detail, which must be in words of ours.
func (e *Error) because(detail string) *Error {
	return &Error{Code: e.Code, text: e.text + ": " + detail}
}

// with adds a cause that is safe to print.
func (e *Error) with(err error) *Error {
	return &Error{Code: e.Code, text: e.text, err: err}
}

// trouble turns the failure of a call to a provider into an Error. Libraries
// quote what the provider answered, so their text is dropped and what happened
// is said again.
func trouble(where string, err error) *Error {
	var (
		status  statusError
		refused *oauth2.RetrieveError
		network *net.OpError
		cert    *tls.CertificateVerificationError
		request *url.Error
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return ErrUnavailable.because(where).with(context.DeadlineExceeded)
	case errors.Is(err, context.Canceled):
		return ErrUnavailable.because(where).with(context.Canceled)
	case errors.As(err, &status) && status.temporary():
		return ErrUnavailable.because(where).with(status)
	case errors.As(err, &status):
		return ErrProvider.because(where).with(status)
	case errors.Is(err, errTooLarge):
		return ErrProvider.because(where).with(errTooLarge)
	case errors.As(err, &refused):
		return ErrProvider.because(where + ": status " + strconv.Itoa(refused.Response.StatusCode) +
			", " + knownReason(refused.ErrorCode))
	case errors.As(err, &cert):
		return ErrUnavailable.because(where + ": certificate not accepted")
	case errors.As(err, &network):
		return ErrUnavailable.because(where).with(network)
	case errors.As(err, &request):
		return ErrUnavailable.because(where + ": connection failed")
	}
	return ErrProvider.because(where + ": answer not understood")
}

// knownReason returns an error code that a specification names, and otherwise
// only that it is another one.
func knownReason(code string) string {
	switch code {
	case "invalid_request", "unauthorized_client", "unsupported_response_type", // RFC 6749 §4.1.2.1
		"invalid_scope", "server_error", "temporarily_unavailable",
		"invalid_client", "invalid_grant", "unsupported_grant_type", // RFC 6749 §5.2
		"interaction_required", "login_required", "account_selection_required", // OpenID Connect Core §3.1.2.6
		"consent_required", "registration_not_supported",
		"application_suspended", "redirect_uri_mismatch", "bad_verification_code", // GitHub
		"incorrect_client_credentials", "unverified_user_email":
		return code
	case "":
		return "no error code"
	}
	return "another error code"
}
