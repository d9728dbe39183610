package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"

	"golang.org/x/oauth2"
)

// An Error tells why a sign-in did not happen. Code is stable and part of the site's
// interface. The text is for a log: it is written by this package and never contains a
// code, a state, a token or any text from a provider.
//
// Two of them are the same for [errors.Is] if their codes are.
type Error struct {
	Code string
	text string
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
	// ErrProvider says that the provider refused, or sent an invalid response.
	ErrProvider = &Error{Code: "provider_error", text: "provider error"}
	// ErrUnavailable says that the provider did not answer, or not in time.
	ErrUnavailable = &Error{Code: "provider_unavailable", text: "provider unavailable"}
	// ErrMisconfigured means that retrying will not help: the configurations of the
	// provider and the site do not match.
	ErrMisconfigured = &Error{Code: "provider_misconfigured", text: "provider misconfigured"}
	// ErrIdentity means that the identity from the provider failed validation.
	ErrIdentity = &Error{Code: "identity_invalid", text: "identity not accepted"}
	// ErrAnotherPerson says that the person is not the one of [Result.Confirm]. Finish
	// does not know users, so its caller compares them.
	ErrAnotherPerson = &Error{Code: "another_person", text: "confirmed as another person"}
	// ErrUnknownProvider says that no provider has that id.
	ErrUnknownProvider = &Error{Code: "unknown_provider", text: "unknown provider"}
)

func (e *Error) Error() string { return e.text }

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

// withDetail returns a copy of e with a detail, which must not contain text from a
// provider.
func (e *Error) withDetail(detail string) *Error {
	return &Error{Code: e.Code, text: e.text + ": " + detail}
}

// callError turns the failure of a call to a provider into an Error.
func callError(where string, err error) *Error {
	kind, words := explain(err)
	return kind.withDetail(where + ": " + words)
}

// explain returns what kind of error the failure of a call is, and what happened.
// Libraries quote what the provider answered, so their text is dropped. The same
// cause always has the same words: a log can tell when it changes.
func explain(err error) (kind *Error, words string) {
	var (
		status  statusError
		refused *oauth2.RetrieveError
		timeout interface{ Timeout() bool }
		request *url.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return ErrUnavailable, "given up"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return ErrUnavailable, "no answer in time"
	case errors.As(err, &status) && status.temporary():
		return ErrUnavailable, status.Error()
	case errors.As(err, &status):
		return ErrProvider, status.Error()
	case errors.Is(err, errTooLarge):
		return ErrProvider, errTooLarge.Error()
	case errors.As(err, &refused):
		return refusal(refused.ErrorCode), "status " + strconv.Itoa(refused.Response.StatusCode) + ", " + knownReason(refused.ErrorCode)
	case tlsProblem(err) != "":
		return ErrMisconfigured, tlsProblem(err)
	case errors.As(err, &request):
		return ErrUnavailable, connectProblem(err)
	}
	return ErrProvider, "answer not understood"
}

// tlsProblem returns why the server's certificate was rejected, or "" if it was not.
func tlsProblem(err error) string {
	var (
		cert    *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
	)
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return "no TLS at that port"
	case !errors.As(err, &cert):
		return ""
	case errors.As(err, &host):
		return "certificate of another host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate expired or not yet valid"
	case errors.As(err, &unknown) && !hasRoots():
		return "this machine has no CA roots"
	}
	return "certificate not trusted"
}

// hasRoots reports whether this machine has certificates to check others by. An image
// without them trusts nobody.
func hasRoots() bool {
	roots, err := x509.SystemCertPool()
	return err == nil && !roots.Equal(x509.NewCertPool())
}

// connectProblem returns why the connection failed.
func connectProblem(err error) string {
	var lookup *net.DNSError
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "host not found"
	case errors.As(err, &lookup):
		return "no resolver answers on this machine"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	}
	return "connection failed"
}

// refusal returns the error that a provider's error code amounts to.
func refusal(code string) *Error {
	switch code {
	case "temporarily_unavailable":
		return ErrUnavailable
	case "invalid_client", "unauthorized_client", "invalid_scope", "unsupported_response_type", "unsupported_grant_type",
		"redirect_uri_mismatch", "incorrect_client_credentials", "application_suspended": // GitHub
		return ErrMisconfigured
	}
	return ErrProvider
}

// knownReason returns an error code that a specification names, and a generic text for
// any other.
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
