package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
	"sessionlab/views"
)

// signInPage offers the providers.
func (s *Site) signInPage(c echo.Context) error {
	v := VisitOf(c)
	next, reason := oauth.SafeNext(c.QueryParam("next")), reasonOf(c)
	if v.SignedIn() && reason == nil {
		return c.Redirect(http.StatusSeeOther, next)
	}
	return s.drawSignIn(c, http.StatusOK, views.SignIn{Next: next, Remember: true, Reason: reason})
}

// reasonOf returns why somebody is on the sign-in page: how the last session ended, or why
// a sign-in did not happen. It returns nil if there is no reason.
func reasonOf(c echo.Context) *views.Reason {
	code := c.QueryParam("reason")
	m := messages[code]
	if m.title == "" || code == "no_session" {
		return nil
	}
	return &views.Reason{Code: code, Title: m.title + ".", Text: m.text}
}

// drawSignIn adds what the site offers.
func (s *Site) drawSignIn(c echo.Context, status int, m views.SignIn) error {
	m.RememberNote = "Unticked, you are signed out when the browser closes, and after a day at most."
	m.Providers, m.Passwords, m.Mail = s.offers(c), s.Accounts != nil, s.Mailed != nil
	if !m.Passwords {
		m.PasswordNote = passwordNote
	}
	p := s.Page(c.Request(), "Sign in")
	if m.Reason == nil {
		p.Notice = sessionNotice(VisitOf(c).Err)
	}
	return Render(c.Response(), status, views.SignInPage(p, m))
}

// offers returns the providers and whether each can be used. It also sets the CSP header,
// because the form targets are known only after discovery.
func (s *Site) offers(c echo.Context) []views.Provider {
	var offers []views.Provider
	for _, p := range s.Providers.Available(c.Request().Context()) {
		offer := views.Provider{ID: p.ID, Label: p.Name, Dev: p.ID == "dev"}
		if offer.Dev {
			offer.Note = "runs inside this program; no password, no account"
		}
		switch {
		case errors.Is(p.Err, oauth.ErrMisconfigured):
			offer.Unavailable = "is not set up correctly here. The site’s log says what is wrong."
		case p.Err != nil:
			offer.Unavailable = "does not answer right now. Try again in a minute."
		}
		offers = append(offers, offer)
	}
	c.Response().Header().Set("Content-Security-Policy", s.contentSecurityPolicy(s.Providers.FormTargets()))
	return offers
}

// signIn sends the browser to a provider.
func (s *Site) signIn(c echo.Context) error {
	form, err := Form(c)
	if err != nil {
		return err
	}
	o := oauth.StartOptions{Next: form.Get("next"), Remember: Remember(form)}
	if form.Get("prompt") == "login" {
		o.Prompt, o.Confirm = "login", VisitOf(c).Session.User.ID
	}
	return s.start(c, o)
}

func (s *Site) start(c echo.Context, o oauth.StartOptions) error {
	to, err := s.Providers.Start(s.traced(c), VisitOf(c).Jar, c.Param("provider"), o)
	switch {
	case errors.Is(err, oauth.ErrUnknownProvider):
		return errUnknownProvider
	case oauth.Code(err) != "" && o.Link != "":
		return s.notLinked(c, oauth.Code(err), err)
	case oauth.Code(err) != "":
		return s.notSignedIn(c, c.Param("provider"), o.Next, err)
	case err != nil:
		return err
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// traced returns the context of a request, under which the steps of a sign-in are logged
// if LOG_LEVEL is debug.
func (s *Site) traced(c echo.Context) context.Context {
	ctx, id := c.Request().Context(), VisitOf(c).ID
	if !s.Log.Enabled(ctx, slog.LevelDebug) {
		return ctx
	}
	return oauth.Watch(ctx, func(step oauth.Step) {
		s.Log.DebugContext(ctx, "sign_in_step", "id", id, "step", step)
	})
}

// callback handles the provider's redirect back to the site. When the sign-in succeeded or
// was refused it redirects to a URL without the code, so that the code does not leak.
func (s *Site) callback(c echo.Context) error {
	ctx, v := c.Request().Context(), VisitOf(c)
	provider := c.Param("provider")
	result, err := s.Providers.Finish(s.traced(c), v.Jar, provider, c.QueryParams())
	switch {
	case errors.Is(err, oauth.ErrUnknownProvider):
		return errUnknownProvider
	case err != nil && result.Link != "":
		return s.notLinked(c, oauth.Code(err), err)
	case err != nil:
		return s.notSignedIn(c, provider, result.Next, err)
	case result.Link != "":
		return s.linked(c, result)
	}
	user, err := s.Directory.SignIn(ctx, result.Identity)
	if err != nil {
		if auth.Refused(err) {
			return s.notSignedIn(c, provider, result.Next, err)
		}
		return Unavailable(err)
	}
	if result.Confirm != "" && result.Confirm != user.ID {
		return s.notSignedIn(c, provider, result.Next, oauth.ErrAnotherPerson)
	}
	if err := s.issueSessions(c, provider, user, result.Remember); err != nil {
		if auth.Refused(err) {
			return s.notSignedIn(c, provider, result.Next, err)
		}
		return err
	}
	s.keepTokens(c, user.ID, result)
	return c.Redirect(http.StatusSeeOther, result.Next)
}

// issueSessions issues the sessions of an authenticated user. The browser's previous sessions
// are ended.
func (s *Site) issueSessions(c echo.Context, provider string, user auth.User, remember bool) error {
	ctx, v := c.Request().Context(), VisitOf(c)
	in := auth.SignIn{User: user, Device: auth.Device{Name: auth.DeviceName(c.Request().UserAgent())}, Remember: remember}
	if err := auth.IssueAll(ctx, v.Jar, in, s.Managers(c.Request())...); err != nil {
		if errors.Is(err, auth.ErrTooLarge) {
			return err
		}
		return Unavailable(err)
	}
	v.Jar.Clear(auth.AccountCookie)
	s.Providers.MakeRoom(ctx, v.Jar)
	if s.Extension != nil {
		s.Extension.SignedIn(ctx, user)
	}
	s.Log.InfoContext(ctx, "sign_in_ok", "id", v.ID, "provider", provider, "user", user.ID)
	return nil
}

// notSignedIn goes back to the sign-in page, which explains why.
func (s *Site) notSignedIn(c echo.Context, provider, next string, err error) error {
	code := oauth.Code(err)
	if code == "" {
		code = auth.Reason(err)
	}
	s.Log.WarnContext(c.Request().Context(), "sign_in_failed", "id", VisitOf(c).ID, "provider", provider, "reason", code, "error", err)
	return c.Redirect(http.StatusSeeOther, signInPath(next, code))
}

// signOut ends this browser's sessions, all of them.
func (s *Site) signOut(c echo.Context) error {
	if err := s.forget(c, s.Managers(c.Request())...); err != nil {
		return err
	}
	s.Log.InfoContext(c.Request().Context(), "sign_out", "id", VisitOf(c).ID)
	return c.Redirect(http.StatusSeeOther, "/sign-in?reason=signed_out")
}

// forget ends this browser's sessions under managers. It clears the cookies even if the
// server could not end the sessions, and marks the visit as signed out so that an error
// page does not show the user.
func (s *Site) forget(c echo.Context, managers ...*auth.Manager) error {
	ctx, v := c.Request().Context(), VisitOf(c)
	c.Response().Header().Set("Clear-Site-Data", `"cache"`)
	v.Err = auth.ErrNoSession
	v.Jar.Clear(auth.AccountCookie)
	var failed error
	for _, m := range managers {
		failed = errors.Join(failed, m.SignOut(ctx, v.Jar))
	}
	if failed != nil {
		return WithCause(errSignOutUncertain, failed)
	}
	return nil
}

// signInURL returns where a visitor without a session goes: to sign in, and then back to
// the page they wanted, if the request was a GET.
func signInURL(r *http.Request, reason string) string {
	next := ""
	if r.Method == http.MethodGet {
		wanted := *r.URL
		wanted.RawQuery = withoutNotices(wanted.Query()).Encode()
		next = wanted.RequestURI()
	}
	if reason == "no_session" {
		reason = ""
	}
	return signInPath(next, reason)
}

// withoutNotices removes the query parameters that make a page show a one-time notice.
func withoutNotices(q url.Values) url.Values {
	for _, name := range []string{"done", "ended", "reason"} {
		q.Del(name)
	}
	return q
}

func signInPath(next, reason string) string {
	q := url.Values{}
	if next = oauth.SafeNext(next); next != "/" {
		q.Set("next", next)
	}
	if reason != "" {
		q.Set("reason", reason)
	}
	return "/sign-in?" + q.Encode()
}
