package handlers

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/auth/oauth"
	"sessionlab/views"
)

const accountPath = "/account"

// accounts are those of one user.
type accounts []auth.Account

// of returns the account at a provider, nil if there is none.
func (a accounts) of(provider string) *auth.Account {
	for i := range a {
		if a[i].Provider == provider {
			return &a[i]
		}
	}
	return nil
}

func (s *Site) accountsOf(c echo.Context) (accounts, error) {
	if s.Accounts == nil {
		return nil, nil
	}
	list, err := s.Accounts.Accounts(c.Request().Context(), visitOf(c).session.User.ID)
	return list, unavailable(err)
}

// requireAccounts refuses where accounts are not stored.
func (s *Site) requireAccounts(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.Accounts == nil {
			return errAccountsDatabase
		}
		return next(c)
	}
}

// done and undone are what the account page says about the last action.
var (
	done = map[string]string{
		"linked":   "Linked. From now on you can sign in with it too.",
		"unlinked": "Unlinked. It does not sign you in any more.",
		"password": "Your password is set. Every other session that can be ended was ended.",
	}
	undone = map[string]views.Notice{
		"account_taken":        {Title: "That account belongs to somebody else here.", Text: "Perhaps to you: sign in with it, unlink it or delete that account, and come back."},
		"provider_linked":      {Title: "You have an account of that provider.", Text: "Unlink it first, then link the other one."},
		"link_session_changed": {Title: "Not linked.", Text: "You signed out, or in as somebody else, after you had begun. Begin again."},
	}
)

// account is the page on which people manage how they sign in.
func (s *Site) account(c echo.Context) error { return s.drawAccount(c, http.StatusOK, views.Flaw{}) }

func (s *Site) drawAccount(c echo.Context, status int, flaw views.Flaw) error {
	v := visitOf(c)
	m, err := s.accountView(c)
	if err != nil {
		return err
	}
	m.Flaw = flaw
	p := s.page(c.Request(), "Your account")
	if text, ok := done[c.QueryParam("done")]; ok {
		p.Notice = &views.Notice{Kind: "done", Text: text}
	}
	if code := c.QueryParam("reason"); code != "" {
		if notice, ok := undone[code]; ok {
			notice.Kind = "warn"
			p.Notice = &notice
		} else if r := reasonFor(code); r != nil {
			p.Notice = &views.Notice{Kind: "warn", Title: r.Title, Text: r.Text}
		}
	}
	if m.Stored && !fresh(v) {
		proof, err := s.proof(c, accountPath)
		if err != nil {
			return err
		}
		m.Proof = &proof
	}
	return render(c.Response(), status, views.AccountPage(p, m))
}

func (s *Site) accountView(c echo.Context) (views.Account, error) {
	v := visitOf(c)
	m := views.Account{Name: v.session.User.Name, Email: v.session.User.Email, Stored: s.Accounts != nil}
	mine, err := s.accountsOf(c)
	if err != nil {
		return m, err
	}
	offers := s.offers(c)
	labels := map[string]string{auth.PasswordProvider: "Password"}
	for _, offer := range offers {
		labels[offer.ID] = offer.Label
		if m.Stored && mine.of(offer.ID) == nil && offer.Unavailable == "" {
			m.Linkable = append(m.Linkable, offer)
		}
	}
	for _, a := range mine {
		way := views.AccountWay{
			ID: a.Provider, Label: labels[a.Provider], Email: a.Email, Linked: when(a.LinkedAt, s.Now()),
			CanUnlink: s.usable(mine, a.Provider), Tokens: s.kept(c, a),
		}
		if way.Label == "" {
			way.Label, way.Note = a.Provider, "is not configured here any more"
		}
		m.Ways = append(m.Ways, way)
	}
	m.HasPassword = mine.of(auth.PasswordProvider) != nil
	if a := mine.of(auth.PasswordProvider); a != nil {
		m.PasswordEmail = a.Subject
	} else if id, ok := auth.PasswordIdentity(v.session.User.Email, ""); ok {
		m.PasswordEmail = id.Subject
	}
	if s.Tokens != nil && !m.Stored {
		if t, err := s.Tokens.InCookie(c.Request().Context(), v.jar, v.session.User.ID); err == nil {
			m.Tokens = s.tokensNote(t)
		}
	}
	return m, nil
}

// usable says whether the user could still sign in without the account of a
// provider: with another one that is configured.
func (s *Site) usable(mine accounts, without string) bool {
	for _, a := range mine {
		if a.Provider == without {
			continue
		}
		if a.Provider == auth.PasswordProvider || s.Providers.Has(a.Provider) {
			return true
		}
	}
	return false
}

// link begins a flow whose identity becomes an account of this user. What the
// flow is for is sealed into it: the callback must find the same session.
func (s *Site) link(c echo.Context) error {
	if _, err := formOf(c); err != nil {
		return err
	}
	v, provider := visitOf(c), c.Param("provider")
	mine, err := s.accountsOf(c)
	if err != nil {
		return err
	}
	if mine.of(provider) != nil {
		return c.Redirect(http.StatusSeeOther, accountPath+"?reason=provider_linked")
	}
	return s.start(c, oauth.StartOptions{
		Next: accountPath, Remember: v.session.Remember, Link: v.session.User.ID + " " + v.session.ID,
	})
}

// linked ends such a flow. The session that began it must still be there.
func (s *Site) linked(c echo.Context, result oauth.Result) error {
	ctx, v := c.Request().Context(), visitOf(c)
	user, session, _ := strings.Cut(result.Link, " ")
	changed := !v.signedIn() || s.Accounts == nil || v.session.User.ID != user || v.session.ID != session
	if !changed {
		if err := errors.Join(s.confirm(c), s.present(c)); err != nil && !auth.Refused(err) {
			return err
		} else if err != nil {
			changed = true
		}
	}
	if changed {
		return s.notLinked(c, "link_session_changed")
	}
	switch err := s.Accounts.Link(ctx, user, result.Identity); {
	case errors.Is(err, auth.ErrTaken):
		return s.notLinked(c, "account_taken")
	case errors.Is(err, auth.ErrLinked):
		return s.notLinked(c, "provider_linked")
	case err != nil:
		return unavailable(err)
	}
	s.keepTokens(c, user, result)
	s.Log.InfoContext(ctx, "account_linked", "id", v.id, "provider", result.Identity.Provider, "user", user)
	return c.Redirect(http.StatusSeeOther, accountPath+"?done=linked")
}

// notLinked goes back to the account page, by way of the sign-in page for who is
// not signed in.
func (s *Site) notLinked(c echo.Context, code string) error {
	v := visitOf(c)
	s.Log.WarnContext(c.Request().Context(), "account_link_failed", "id", v.id, "provider", c.Param("provider"), "reason", code)
	if !v.signedIn() {
		return c.Redirect(http.StatusSeeOther, signInPath(accountPath, code))
	}
	return c.Redirect(http.StatusSeeOther, accountPath+"?reason="+code)
}

// unlink removes a way to sign in, but never the last that works.
func (s *Site) unlink(c echo.Context) error {
	if _, err := formOf(c); err != nil {
		return err
	}
	ctx, v, provider := c.Request().Context(), visitOf(c), c.Param("provider")
	mine, err := s.accountsOf(c)
	if err != nil {
		return err
	}
	if mine.of(provider) != nil && !s.usable(mine, provider) {
		return errLastAccount
	}
	switch err := s.Accounts.Unlink(ctx, v.session.User.ID, provider); {
	case errors.Is(err, auth.ErrNotFound):
		return errUnknownAccount
	case errors.Is(err, auth.ErrLastAccount):
		return errLastAccount
	case err != nil:
		return unavailable(err)
	}
	s.Log.InfoContext(ctx, "account_unlinked", "id", v.id, "provider", provider, "user", v.session.User.ID)
	return c.Redirect(http.StatusSeeOther, accountPath+"?done=unlinked")
}

// deleteAccount deletes the user with all that is stored of them, and signs this
// browser out. Sealed sessions elsewhere cannot be called back; they lead to
// nobody and end by themselves.
func (s *Site) deleteAccount(c echo.Context) error {
	if _, err := formOf(c); err != nil {
		return err
	}
	ctx, v := c.Request().Context(), visitOf(c)
	user := v.session.User.ID
	if err := s.Accounts.DeleteUser(ctx, user); err != nil {
		return unavailable(err)
	}
	s.Log.InfoContext(ctx, "account_deleted", "id", v.id, "user", user)
	if s.Extension != nil {
		s.Extension.Deleted(ctx, user)
	}
	if err := s.forget(c, s.Managers(c.Request())...); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/sign-in?reason=deleted")
}

// keepTokens keeps what the provider gave, where the site is set to. Tokens that
// cannot be kept are no reason to keep somebody out.
func (s *Site) keepTokens(c echo.Context, userID string, result oauth.Result) {
	if s.Tokens == nil {
		return
	}
	ctx, v := c.Request().Context(), visitOf(c)
	if err := s.Tokens.Keep(ctx, v.jar, userID, result.Identity, result.Tokens, result.Remember); err != nil {
		s.Log.WarnContext(ctx, "account_tokens_not_kept", "id", v.id, "provider", result.Identity.Provider, "error", err)
	}
}

// kept says what is kept beside an account, and until when it is good.
func (s *Site) kept(c echo.Context, a auth.Account) string {
	if s.Tokens == nil {
		return ""
	}
	t, err := s.Tokens.InRow(c.Request().Context(), a)
	if err != nil {
		return ""
	}
	return s.tokensNote(t)
}

func (s *Site) tokensNote(t auth.AccountTokens) string {
	note := "Tokens of " + t.Provider + " are kept, sealed"
	switch {
	case !t.Expires.IsZero() && !s.Now().Before(t.Expires):
		note += "; access ended " + when(t.Expires, s.Now()).Text
	case !t.Expires.IsZero():
		note += "; access ends " + when(t.Expires, s.Now()).Text
	}
	if t.Refresh != "" {
		note += ", can be refreshed"
	}
	return note + "."
}
