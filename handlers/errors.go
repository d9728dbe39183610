package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/views"
)

// A Problem is an error that describes its HTTP response. Code is stable and part of the
// API; Text is shown to users and reveals no internals.
type Problem struct {
	Status     int
	Code       string
	Title      string
	Text       string
	ValidUntil time.Time     // with not_revocable: when the session ends by itself
	RetryAfter time.Duration // when to retry; zero if waiting does not help (for a 503 the default is used)
	cause      error         // for the log
}

func (p *Problem) Error() string {
	if p.cause != nil {
		return fmt.Sprintf("%s: %v", p.Code, p.cause)
	}
	return p.Code
}

func (p *Problem) Unwrap() error { return p.cause }

// The problems that handlers return.
var (
	ErrNotFound         = &Problem{Status: 404, Code: "not_found", Title: "Nothing here", Text: "There is no page at this address."}
	errMethod           = &Problem{Status: 405, Code: "method_not_allowed", Title: "Not this way", Text: "This address does not answer that kind of request."}
	errPrefetch         = &Problem{Status: 503, Code: "prefetched", Title: "Not in advance", Text: "This address signs somebody in and works once. A browser that fetches it in advance gets nothing."}
	errCrossOrigin      = &Problem{Status: 403, Code: "cross_origin", Title: "This came from another site", Text: "A page on another site tried to act here in your name. Nothing was done."}
	errHeadersTooLarge  = &Problem{Status: 431, Code: "headers_too_large", Title: "Too many cookies", Text: "The headers of a request may have at most 16 KiB. Delete this site's cookies in your browser and try again."}
	errBodyTooLarge     = &Problem{Status: 413, Code: "body_too_large", Title: "Too much at once", Text: "A request may carry 64 KiB at most. Nothing was done."}
	errBadForm          = &Problem{Status: 400, Code: "bad_form", Title: "That form cannot be read", Text: "What was sent is not a form of this page. Nothing was done."}
	errHost             = &Problem{Status: 421, Code: "wrong_host", Title: "Wrong address", Text: "This site answers only under its own address. If that is the one you used, set BASE_URL to it."}
	errForwarded        = &Problem{Status: 421, Code: "forwarded", Title: "For this machine only", Text: "The request came from another machine or through a proxy, and this site answers only the machine that it runs on. To serve others, set BASE_URL to the public address."}
	ErrInternal         = &Problem{Status: 500, Code: "internal", Title: "Something broke here", Text: "The mistake is ours and was logged. Your session is untouched."}
	errStore            = &Problem{Status: 503, Code: "store_unavailable", Title: "We cannot tell right now", Text: "The store that remembers sessions does not answer. Nobody was signed out by that: try again in a moment."}
	errSignOutUncertain = &Problem{Status: 503, Code: "sign_out_uncertain", Title: "Signed out here, perhaps not there", Text: "This browser has forgotten your session, but the server could not be told to. A copy of the cookie may still work: sign in again and end it when the store is back."}
	ErrUnknownStrategy  = &Problem{Status: 400, Code: "unknown_strategy", Title: "No such strategy", Text: "That strategy is not one of those that run here."}
	errUnknownProvider  = &Problem{Status: 404, Code: "unknown_provider", Title: "No such provider", Text: "No provider by that name is configured here."}
	errUnknownSession   = &Problem{Status: 404, Code: "unknown_session", Title: "No such session", Text: "It has ended already, or it never was one of yours."}
	errNoSessionID      = &Problem{Status: 400, Code: "session_id_required", Title: "Which session?", Text: "The address names no session. Nothing was ended."}
	errNotListable      = &Problem{Status: 400, Code: "not_listable", Title: "There is no list", Text: "This strategy keeps no list of sessions."}
	errTooLarge         = &Problem{Status: 400, Code: "session_too_large", Title: "Your profile does not fit", Text: "The session would need more room than browsers give to cookies. Nothing was changed."}

	errNotFresh          = &Problem{Status: 403, Code: "session_not_fresh", Title: "Confirm that it is you", Text: "This needs a sign-in within the last ten minutes."}
	errRateLimited       = &Problem{Status: 429, Code: "rate_limited", Title: "Too many requests", Text: "They came from your address. Nothing is locked: wait, and try again."}
	errPasswordDatabase  = &Problem{Status: 400, Code: "password_requires_database", Title: "No passwords here", Text: "This site keeps no users, so there is nowhere to keep a password. Set SESSION_STRATEGY to a strategy with a database."}
	errAccountsDatabase  = &Problem{Status: 400, Code: "accounts_require_database", Title: "No accounts here", Text: "This site keeps no users, so there is nothing to link or to delete. Set SESSION_STRATEGY to a strategy with a database."}
	errLastAccount       = &Problem{Status: 409, Code: "last_account", Title: "That is your only way in", Text: "Without it you could never sign in again. Link another account or set a password first."}
	errUnknownAccount    = &Problem{Status: 404, Code: "unknown_account", Title: "No such account", Text: "Nothing by that name is linked to you."}
	errBusy              = &Problem{Status: 503, Code: "busy", Title: "Too busy for passwords", Text: "Many people are signing in at this moment. Try again."}
	errSessionsUncertain = &Problem{Status: 503, Code: "sessions_uncertain", Title: "Changed, but perhaps not everywhere", Text: "Your password is the new one. Whether your other sessions ended is uncertain: end them when the store is back."}
)

// Unavailable wraps a storage error as a 503. It returns refusals (auth.Refused) and
// Problems unchanged.
func Unavailable(err error) error {
	var problem *Problem
	if err == nil || auth.Refused(err) || errors.As(err, &problem) {
		return err
	}
	return WithCause(errStore, err)
}

func WithCause(p *Problem, cause error) *Problem {
	q := *p
	q.cause = cause
	return &q
}

// ProblemOf returns the Problem for any error; it is the only place that maps errors to
// HTTP statuses.
func ProblemOf(err error) *Problem {
	var problem *Problem
	var tooLarge *http.MaxBytesError
	var httpErr *echo.HTTPError
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &tooLarge):
		return errBodyTooLarge
	case errors.Is(err, auth.ErrTooLarge):
		return WithCause(errTooLarge, err)
	case auth.Refused(err):
		code := auth.Reason(err)
		return &Problem{Status: 401, Code: code, Title: messages[code].title, Text: messages[code].text, cause: err}
	case errors.As(err, &httpErr):
		switch httpErr.Code {
		case http.StatusNotFound:
			return ErrNotFound
		case http.StatusMethodNotAllowed:
			return errMethod
		case http.StatusRequestEntityTooLarge:
			return errBodyTooLarge
		}
	}
	return WithCause(ErrInternal, err)
}

// Fail answers an error that a handler returned.
func (s *Site) Fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	s.refuse(c.Response(), c.Request(), err)
}

// refuse writes an error response: problem details (RFC 9457) under /api; elsewhere a
// redirect to the sign-in page for a 401, and an error page for anything else.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, err error) {
	v, p := VisitFrom(r.Context()), ProblemOf(err)
	if p.Status >= 500 {
		s.Log.ErrorContext(r.Context(), "request failed", "id", v.ID, "code", p.Code, "path", r.URL.Path, "error", err)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if wait := p.retryAfter(); wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		writeProblem(w, p, v.ID)
	case p.Status == http.StatusUnauthorized:
		http.Redirect(w, r, signInURL(r, p.Code), http.StatusSeeOther)
	default:
		Render(w, p.Status, views.ErrorPage(s.Page(r, p.Title), s.errorView(v, p)))
	}
}

// errorView draws what went wrong, with a way back to where things work.
func (s *Site) errorView(v *Visit, p *Problem) views.Problem {
	m := views.Problem{Status: p.Status, Code: p.Code, Title: p.Title, Text: p.Text, BackHref: "/", BackLabel: "To the first page"}
	switch {
	case p.Status == http.StatusMisdirectedRequest:
		m.BackHref, m.BackLabel = s.BaseURL.String()+"/", "Open "+s.BaseURL.String()+"/"
	case v.SignedIn():
		m.BackHref, m.BackLabel = "/dashboard", "To your session"
	}
	if wait := p.retryAfter(); wait > 0 {
		m.Retry = "in " + views.Duration(wait)
	}
	return m
}

func (p *Problem) retryAfter() time.Duration {
	if p.RetryAfter == 0 && p.Status == http.StatusServiceUnavailable {
		return retryAfter
	}
	return p.RetryAfter
}

// retryAfter is the time that a client should wait when the store does not answer.
const retryAfter = 5 * time.Second

func writeProblem(w http.ResponseWriter, p *Problem, requestID string) {
	body := struct {
		Type       string     `json:"type"`
		Title      string     `json:"title"`
		Status     int        `json:"status"`
		Detail     string     `json:"detail,omitempty"`
		Code       string     `json:"code"`
		RequestID  string     `json:"requestId"`
		ValidUntil *time.Time `json:"validUntil,omitempty"`
	}{"about:blank", p.Title, p.Status, p.Text, p.Code, requestID, nil}
	if !p.ValidUntil.IsZero() {
		body.ValidUntil = &p.ValidUntil
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(body)
}
