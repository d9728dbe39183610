package auth

import "errors"

// A Refusal is a verdict that a session is not accepted. Its reason is a stable
// word, part of the site's interface.
type Refusal struct {
	reason, text string
}

func (r *Refusal) Error() string { return r.text }

// The verdicts. Compare with [errors.Is], never by text.
var (
	ErrNoSession error = &Refusal{"no_session", "no session"}
	ErrInvalid   error = &Refusal{"invalid", "session was never ours, or was altered"}
	ErrExpired   error = &Refusal{"expired", "session is past its end"}
	ErrRevoked   error = &Refusal{"revoked", "session was ended"}
	ErrReused    error = &Refusal{"reused", "refresh token was spent before: its family is ended"}
	ErrVersion   error = &Refusal{"version", "session is of another session version"}
	ErrSignedOut error = &Refusal{"signed_out", "browser has signed out of this session"}
	ErrDisabled  error = &Refusal{"disabled", "account is disabled"}
	ErrStale     error = &Refusal{"stale", "tokens are too old to trust and may be renewed"}
)

// Errors that are not verdicts on a session.
var (
	// ErrNotRevocable says that a strategy cannot end a session it is not shown.
	ErrNotRevocable = errors.New("not revocable")
	// ErrTooLarge says that a session does not fit into cookies.
	ErrTooLarge = errors.New("session too large for cookies")
	// ErrNotFound is what a store says of a row it does not have.
	ErrNotFound = errors.New("not found")
)

// Refused tells a verdict from a fault: with true the session is over and its
// cookies may go; with false nothing was learned about it and they must stay.
func Refused(err error) bool {
	_, refused := errors.AsType[*Refusal](err)
	return refused
}

// Reason is the stable word for a verdict, empty for anything else.
func Reason(err error) string {
	if r, refused := errors.AsType[*Refusal](err); refused {
		return r.reason
	}
	return ""
}
