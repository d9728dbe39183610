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
	"deleted":              {Title: "Your account is deleted.", Text: "With all that was stored of it. You are signed out everywhere that could be reached."},
	"link_session_changed": {Title: "Not linked.", Text: "You signed out after you had begun. Sign in and begin again."},
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
	return s.drawSignIn(c, http.StatusOK, views.SignIn{Next: next, Remember: true, Reason: reason})
}

// drawSignIn adds what the site offers.
func (s *Site) drawSignIn(c echo.Context, status int, m views.SignIn) error {
	m.RememberNote = "Unticked, you are signed out when the browser closes, and after a day at most."
	m.Providers, m.Passwords = s.offers(c), s.Accounts != nil
	if !m.Passwords {
		m.PasswordNote = passwordNote
	}
	p := s.page(c.Request(), "Sign in")
	if m.Reason == nil {
		p.Notice = farewell(visitOf(c).err)
	}
	return render(c.Response(), status, views.SignInPage(p, m))
}

// offers are the providers, and whether they answer. Only when that is known are
// their addresses known too, to which a form may lead.
func (s *Site) offers(c echo.Context) []views.Provider {
	var offers []views.Provider
	for _, p := range s.Providers.Available(c.Request().Context()) {
		offer := views.Provider{ID: p.ID, Label: p.Name, Dev: p.ID == "dev"}
		if offer.Dev {
			offer.Note = "runs inside this program; no password, no account"
		}
		if p.Err != nil {
			offer.Unavailable = "does not answer right now."
		}
		offers = append(offers, offer)
	}
	c.Response().Header().Set("Content-Security-Policy", contentSecurityPolicy(s.Providers.FormTargets()))
	return offers
}

// signIn sends the browser to a provider.
func (s *Site) signIn(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	o := oauth.StartOptions{Next: form.Get("next"), Remember: remember(form)}
	if form.Get("prompt") == "login" {
		o.Prompt = "login"
	}
	return s.start(c, o)
}

func (s *Site) start(c echo.Context, o oauth.StartOptions) error {
	to, err := s.Providers.Start(c.Request().Context(), visitOf(c).jar, c.Param("provider"), o)
	switch {
	case errors.Is(err, oauth.ErrUnknownProvider):
		return errUnknownProvider
	case oauth.Code(err) != "" && o.Link != "":
		return s.notLinked(c, oauth.Code(err))
	case oauth.Code(err) != "":
		return s.notSignedIn(c, c.Param("provider"), o.Next, err)
	case err != nil:
		return err
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// remember says whether the box was ticked. A form that has none ticks it; one
// that has it sends 0 as well.
func remember(form url.Values) bool {
	values := form["remember"]
	return len(values) == 0 || values[len(values)-1] == "1"
}

// callback is where the provider sends the browser back. It always answers with
// a redirect to a clean address, so that the code in this one goes nowhere.
func (s *Site) callback(c echo.Context) error {
	ctx, v := c.Request().Context(), visitOf(c)
	provider := c.Param("provider")
	result, err := s.Providers.Finish(ctx, v.jar, provider, c.QueryParams())
	switch {
	case errors.Is(err, oauth.ErrUnknownProvider):
		return errUnknownProvider
	case err != nil && result.Link != "":
		return s.notLinked(c, oauth.Code(err))
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
		return unavailable(err)
	}
	if err := s.establish(c, provider, user, result.Remember); err != nil {
		return err
	}
	s.keepTokens(c, user.ID, result)
	return c.Redirect(http.StatusSeeOther, result.Next)
}

// establish signs somebody in who has proved who they are. What the browser
// carried of somebody before goes.
func (s *Site) establish(c echo.Context, provider string, user auth.User, remember bool) error {
	ctx, v := c.Request().Context(), visitOf(c)
	in := auth.SignIn{User: user, Device: auth.Device{Name: device(c.Request().UserAgent())}, Remember: remember}
	if err := auth.IssueAll(ctx, v.jar, in, s.Managers(c.Request())...); err != nil {
		if errors.Is(err, auth.ErrTooLarge) {
			return err
		}
		return unavailable(err)
	}
	v.jar.Clear(auth.AccountCookie)
	if s.Extension != nil {
		s.Extension.SignedIn(ctx, user)
	}
	s.Log.InfoContext(ctx, "sign_in_ok", "id", v.id, "provider", provider, "user", user.ID)
	return nil
}

// notSignedIn goes back to the sign-in page, which says why.
func (s *Site) notSignedIn(c echo.Context, provider, next string, err error) error {
	code := oauth.Code(err)
	if code == "" {
		code = auth.Reason(err)
	}
	s.Log.WarnContext(c.Request().Context(), "sign_in_failed", "id", visitOf(c).id, "provider", provider, "reason", code, "error", err)
	return c.Redirect(http.StatusSeeOther, signInPath(next, code))
}

// signOut ends this browser's sessions, all of them.
func (s *Site) signOut(c echo.Context) error {
	if err := s.forget(c, s.Managers(c.Request())...); err != nil {
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
	v.jar.Clear(auth.AccountCookie)
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
