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
	ErrInvalid   error = &Refusal{"invalid", "session value is invalid or was altered"}
	ErrExpired   error = &Refusal{"expired", "session is past its end"}
	ErrRevoked   error = &Refusal{"revoked", "session was ended"}
	ErrReused    error = &Refusal{"reused", "refresh token was spent before: its family is ended"}
	ErrVersion   error = &Refusal{"version", "session has a different session version"}
	ErrSignedOut error = &Refusal{"signed_out", "browser has signed out of this session"}
	ErrDisabled  error = &Refusal{"disabled", "account is disabled"}
	// ErrNotConfirmable refuses a bearer token where the server wants to look up the
	// session behind it, and the strategy keeps none.
	ErrNotConfirmable error = &Refusal{"not_confirmable", "session behind a bearer token cannot be looked up"}

	ErrStale error = &Refusal{"stale", "tokens are too old to trust and may be renewed"}
)

// Errors that are not verdicts on a session.
var (
	// ErrNotRevocable means that the strategy cannot end the target without its tokens.
	ErrNotRevocable = errors.New("not revocable")
	// ErrTooLarge says that a session does not fit into cookies.
	ErrTooLarge = errors.New("session too large for cookies")
	// ErrNotFound means that a store has no such row.
	ErrNotFound = errors.New("not found")
)

// Refused reports whether err is a verdict. If not, err is a fault: the session may be
// valid and its cookies must be kept.
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
