package handlers

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
	"sessionlab/views"
)

// reasons say on the sign-in page why one is there: how the last session ended,
// or why a sign-in did not happen. The words are ours, never a provider's.
var reasons = map[string]views.Reason{
	"signed_out":           {Kind: "signed-out", Title: "You are signed out.", Text: "This browser has forgotten your session."},
	"flow_invalid":         {Title: "That sign-in cannot be finished.", Text: "It was finished before, or it was started in another browser. Start again here."},
	"flow_expired":         {Title: "That took too long.", Text: "A sign-in must be finished within ten minutes. Start again."},
	"flow_cookie_missing":  {Title: "Your browser kept no cookie for the sign-in.", Text: "Older versions of Safari refuse secure cookies on http://localhost. Use Chrome or Firefox here, or start the sign-in again."},
	"cancelled":            {Title: "You cancelled.", Text: "Nothing happened; nobody is signed in."},
	"provider_error":       {Title: "The provider did not let you in.", Text: "It refused, or its answer could not be read. Try again, or use another one."},
	"provider_unavailable": {Title: "The provider does not answer.", Text: "Try again in a minute, or use another one."},
	"identity_invalid":     {Title: "What the provider said does not hold.", Text: "Its answer was not meant for this sign-in, so it was not believed. Start again."},
}

// reasonFor finds the words for a code, flow errors first, then verdicts.
func reasonFor(code string) *views.Reason {
	if r, ok := reasons[code]; ok {
		if r.Kind == "" {
			r.Kind = code
		}
		return &r
	}
	if words, ok := refusals[code]; ok && code != "no_session" {
		return &views.Reason{Kind: code, Title: words.title + ".", Text: words.text}
	}
	return nil
}

// signInPage offers the providers.
func (s *Site) signInPage(c echo.Context) error {
	v := visitOf(c)
	next, reason := oauth.SafeNext(c.QueryParam("next")), reasonFor(c.QueryParam("reason"))
	if v.signedIn() && reason == nil {
		return c.Redirect(http.StatusSeeOther, next)
	}
	m := views.SignIn{
		Next: next, Remember: true, Reason: reason,
		RememberNote: "Unticked, you are signed out when the browser closes, and after a day at most.",
	}
	for _, p := range s.Providers.Available(c.Request().Context()) {
		offer := views.Provider{ID: p.ID, Label: p.Name, Dev: p.ID == "dev"}
		if offer.Dev {
			offer.Note = "runs inside this program; no password, no account"
		}
		if p.Err != nil {
			offer.Unavailable = "does not answer right now."
		}
		m.Providers = append(m.Providers, offer)
	}
	// Only now are the providers' addresses known that a form may lead to.
	c.Response().Header().Set("Content-Security-Policy", s.contentSecurityPolicy())
	p := s.page(c.Request(), "Sign in")
	if reason == nil {
		p.Notice = farewell(v.err)
	}
	return render(c.Response(), http.StatusOK, views.SignInPage(p, m))
}

// signIn sends the browser to a provider.
func (s *Site) signIn(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	remember := form["remember"]
	to, err := s.Providers.Start(c.Request().Context(), visitOf(c).jar, c.Param("provider"), oauth.StartOptions{
		Next: form.Get("next"), Remember: len(remember) == 0 || remember[len(remember)-1] == "1",
	})
	switch {
	case errors.Is(err, oauth.ErrUnknownProvider):
		return errUnknownProvider
	case oauth.Code(err) != "":
		return s.notSignedIn(c, form.Get("next"), err)
	case err != nil:
		return err
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// callback is where the provider sends the browser back. It always answers with
// a redirect to a clean address, so that the code in this one goes nowhere.
func (s *Site) callback(c echo.Context) error {
	ctx, v := c.Request().Context(), visitOf(c)
	provider := c.Param("provider")
	result, err := s.Providers.Finish(ctx, v.jar, provider, c.QueryParams())
	if errors.Is(err, oauth.ErrUnknownProvider) {
		return errUnknownProvider
	}
	if err != nil {
		return s.notSignedIn(c, result.Next, err)
	}
	user, err := s.Directory.SignIn(ctx, result.Identity)
	if err != nil {
		if auth.Refused(err) {
			return s.notSignedIn(c, result.Next, err)
		}
		return unavailable(err)
	}
	in := auth.SignIn{User: user, Device: auth.Device{Name: device(c.Request().UserAgent())}, Remember: result.Remember}
	if err := auth.IssueAll(ctx, v.jar, in, s.Managers()...); err != nil {
		if errors.Is(err, auth.ErrTooLarge) {
			return err
		}
		return unavailable(err)
	}
	if s.Extension != nil {
		s.Extension.SignedIn(ctx, user)
	}
	s.Log.InfoContext(ctx, "sign_in_ok", "id", v.id, "provider", provider, "user", user.ID)
	return c.Redirect(http.StatusSeeOther, result.Next)
}

// notSignedIn goes back to the sign-in page, which says why.
func (s *Site) notSignedIn(c echo.Context, next string, err error) error {
	code := oauth.Code(err)
	if code == "" {
		code = auth.Reason(err)
	}
	s.Log.WarnContext(c.Request().Context(), "sign_in_failed", "id", visitOf(c).id, "provider", c.Param("provider"), "reason", code, "error", err)
	return c.Redirect(http.StatusSeeOther, signInPath(next, code))
}

// signOut ends this browser's sessions, all of them.
func (s *Site) signOut(c echo.Context) error {
	if err := s.forget(c, s.Managers()...); err != nil {
		return err
	}
	s.Log.InfoContext(c.Request().Context(), "sign_out", "id", visitOf(c).id)
	return c.Redirect(http.StatusSeeOther, "/sign-in?reason=signed_out")
}

// forget ends this browser's sessions under managers. The browser forgets them
// even where the server could not be told, and from here on so does the visit:
// an error page greets nobody who is signed out.
func (s *Site) forget(c echo.Context, managers ...*auth.Manager) error {
	ctx, v := c.Request().Context(), visitOf(c)
	c.Response().Header().Set("Clear-Site-Data", `"cache"`)
	v.err = auth.ErrNoSession
	var failed error
	for _, m := range managers {
		failed = errors.Join(failed, m.SignOut(ctx, v.jar))
	}
	if failed != nil {
		return because(errSignOutUncertain, failed)
	}
	return nil
}

// signInURL is where a visitor without a session goes: to sign in, and then back
// to the page they wanted, if it can be had by GET.
func signInURL(r *http.Request, reason string) string {
	next := ""
	if r.Method == http.MethodGet {
		next = r.URL.RequestURI()
	}
	if reason == "no_session" {
		reason = ""
	}
	return signInPath(next, reason)
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

// formOf reads an urlencoded form. Anything else is a bad request.
func formOf(c echo.Context) (url.Values, error) {
	r := c.Request()
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.ContentLength != 0 && (err != nil || !strings.EqualFold(kind, echo.MIMEApplicationForm)) {
		return nil, errBadForm
	}
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, because(errBadForm, err)
	}
	return r.PostForm, nil
}
