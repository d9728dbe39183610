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

// linkedAccounts lists the linked accounts of one user.
type linkedAccounts []auth.Account

// of returns the account at a provider, nil if there is none.
func (a linkedAccounts) of(provider string) *auth.Account {
	for i := range a {
		if a[i].Provider == provider {
			return &a[i]
		}
	}
	return nil
}

func (s *Site) accountsOf(c echo.Context) (linkedAccounts, error) {
	if s.Accounts == nil {
		return nil, nil
	}
	list, err := s.Accounts.Accounts(c.Request().Context(), VisitOf(c).Session.User.ID)
	return list, Unavailable(err)
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

// accountDone maps an action to the notice that the account page shows after it.
var accountDone = map[string]string{
	"linked":   "Linked. From now on you can sign in with it too.",
	"mailed":   "A mail with a link is on its way. Open the link in this browser.",
	"verified": "Your email address is confirmed.",
	"unlinked": "Unlinked. It does not sign you in any more.",
	"password": "Your password is set. Every other session that can be ended was ended.",
}

// account serves the page on which users manage their sign-in methods.
func (s *Site) account(c echo.Context) error { return s.drawAccount(c, http.StatusOK, views.Flaw{}) }

func (s *Site) drawAccount(c echo.Context, status int, flaw views.Flaw) error {
	v := VisitOf(c)
	m, err := s.accountView(c)
	if err != nil {
		return err
	}
	m.Flaw = flaw
	p := s.Page(c.Request(), "Your account")
	if text, ok := accountDone[c.QueryParam("done")]; ok {
		p.Notice = &views.Notice{Kind: "done", Text: text}
	}
	if warning := notice("warn", c.QueryParam("reason")); warning != nil {
		p.Notice = warning
	}
	if m.Stored && !fresh(v) {
		proof, err := s.proof(c, accountPath)
		if err != nil {
			return err
		}
		m.Proof = &proof
	}
	return Render(c.Response(), status, views.AccountPage(p, m))
}

func (s *Site) accountView(c echo.Context) (views.Account, error) {
	v := VisitOf(c)
	m := views.Account{Name: v.Session.User.Name, Email: v.Session.User.Email, Stored: s.Accounts != nil}
	if s.Accounts != nil {
		return m, s.addAccounts(c, &m)
	}
	if s.Tokens != nil {
		if t, err := s.Tokens.InCookie(c.Request().Context(), v.Jar, v.Session.User.ID); err == nil {
			m.Tokens = s.tokensNote(t)
		}
	}
	return m, nil
}

// addAccounts adds the accounts that lead to the user, and those that could.
func (s *Site) addAccounts(c echo.Context, m *views.Account) error {
	mine, err := s.accountsOf(c)
	if err != nil {
		return err
	}
	for _, offer := range s.offers(c) {
		if mine.of(offer.ID) == nil && offer.Unavailable == "" {
			m.Linkable = append(m.Linkable, offer)
		}
	}
	for _, a := range mine {
		way := views.AccountWay{
			ID: a.Provider, Label: s.accountLabel(a.Provider), Email: a.Email, Linked: views.Relative(a.LinkedAt, s.Now()),
			CanUnlink: s.canUnlink(mine, a.Provider), Tokens: s.storedTokensNote(c, a),
		}
		if way.Label == "" {
			way.Label, way.Note = a.Provider, "is not configured here any more"
		}
		if a.Provider == auth.PasswordProvider && !a.HasPassword {
			way.Note = "is not set: you sign in by an emailed link"
		}
		m.Ways = append(m.Ways, way)
	}
	m.Mail = s.Mailed != nil
	if a := mine.of(auth.PasswordProvider); a != nil {
		m.HasAddress, m.HasPassword, m.PasswordEmail, m.Verified = true, a.HasPassword, a.Subject, mine.proven(a.Subject)
	} else if id, ok := auth.PasswordIdentity(m.Email, ""); ok {
		m.PasswordEmail = id.Subject
	}
	return nil
}

// accountLabel returns what users call the provider of an account, or "" if it is not
// configured.
func (s *Site) accountLabel(provider string) string {
	if provider == auth.PasswordProvider {
		return "Password"
	}
	return s.Providers.Name(provider)
}

// canUnlink reports whether the user could still sign in without the account of a
// provider: with another one that is configured.
func (s *Site) canUnlink(mine linkedAccounts, without string) bool {
	for _, a := range mine {
		if a.Provider == without || a.Provider == auth.PasswordProvider && !a.HasPassword && s.Mailed == nil {
			continue
		}
		if s.accountLabel(a.Provider) != "" {
			return true
		}
	}
	return false
}

// link begins a flow whose identity becomes an account of this user. What the
// flow is for is sealed into it: the callback must find the same session.
func (s *Site) link(c echo.Context) error {
	if _, err := Form(c); err != nil {
		return err
	}
	v, provider := VisitOf(c), c.Param("provider")
	mine, err := s.accountsOf(c)
	if err != nil {
		return err
	}
	if mine.of(provider) != nil {
		return c.Redirect(http.StatusSeeOther, accountPath+"?reason=provider_linked")
	}
	return s.start(c, oauth.StartOptions{
		Next: accountPath, Remember: v.Session.Remember, Link: v.Session.User.ID + " " + v.Session.ID,
	})
}

// linked finishes a flow that link started. The session that started it must still be
// valid.
func (s *Site) linked(c echo.Context, result oauth.Result) error {
	if s.Accounts == nil { // the database was taken away meanwhile
		return s.notLinked(c, "link_session_changed", nil)
	}
	ctx, v := c.Request().Context(), VisitOf(c)
	user, session, _ := strings.Cut(result.Link, " ")
	changed := !v.SignedIn() || v.Session.User.ID != user || v.Session.ID != session
	if !changed {
		if err := errors.Join(s.confirm(c), s.checkUser(c)); err != nil && !auth.Refused(err) {
			return err
		} else if err != nil {
			changed = true
		}
	}
	if changed {
		return s.notLinked(c, "link_session_changed", nil)
	}
	switch err := s.Accounts.Link(ctx, v.Manager.Standing(v.Jar, v.Session), result.Identity); {
	case auth.Refused(err):
		return s.notLinked(c, "link_session_changed", err)
	case errors.Is(err, auth.ErrTaken):
		return s.notLinked(c, "account_taken", err)
	case errors.Is(err, auth.ErrLinked):
		return s.notLinked(c, "provider_linked", err)
	case err != nil:
		return Unavailable(err)
	}
	s.keepTokens(c, user, result)
	s.Log.InfoContext(ctx, "account_linked", "id", v.ID, "provider", result.Identity.Provider, "user", user)
	return c.Redirect(http.StatusSeeOther, accountPath+"?done=linked")
}

// notLinked redirects to the account page with a reason, or first to the sign-in page if
// the visitor is not signed in.
func (s *Site) notLinked(c echo.Context, code string, cause error) error {
	v := VisitOf(c)
	s.Log.WarnContext(c.Request().Context(), "account_link_failed", "id", v.ID, "provider", c.Param("provider"), "reason", code, "error", cause)
	if !v.SignedIn() {
		return c.Redirect(http.StatusSeeOther, signInPath(accountPath, code))
	}
	return c.Redirect(http.StatusSeeOther, accountPath+"?reason="+code)
}

// unlink removes a sign-in method, but never the last usable one.
func (s *Site) unlink(c echo.Context) error {
	if _, err := Form(c); err != nil {
		return err
	}
	ctx, v, provider := c.Request().Context(), VisitOf(c), c.Param("provider")
	mine, err := s.accountsOf(c)
	if err != nil {
		return err
	}
	if mine.of(provider) != nil && !s.canUnlink(mine, provider) {
		return errLastAccount
	}
	switch err := s.Accounts.Unlink(ctx, v.Manager.Standing(v.Jar, v.Session), provider); {
	case errors.Is(err, auth.ErrNotFound):
		return errUnknownAccount
	case errors.Is(err, auth.ErrLastAccount):
		return errLastAccount
	case err != nil:
		return Unavailable(err)
	}
	s.Log.InfoContext(ctx, "account_unlinked", "id", v.ID, "provider", provider, "user", v.Session.User.ID)
	return c.Redirect(http.StatusSeeOther, accountPath+"?done=unlinked")
}

// deleteAccount deletes the user and everything stored about them, and signs this browser
// out. Sealed sessions in other browsers cannot be revoked; they refer to a deleted user
// and expire by themselves.
func (s *Site) deleteAccount(c echo.Context) error {
	if _, err := Form(c); err != nil {
		return err
	}
	ctx, v := c.Request().Context(), VisitOf(c)
	user := v.Session.User.ID
	if err := s.Accounts.DeleteUser(ctx, v.Manager.Standing(v.Jar, v.Session)); err != nil {
		return Unavailable(err)
	}
	s.Log.InfoContext(ctx, "account_deleted", "id", v.ID, "user", user)
	if s.Extension != nil {
		s.Extension.Deleted(ctx, user)
	}
	if err := s.forget(c, s.Managers(c.Request())...); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/sign-in?reason=deleted")
}

// keepTokens stores the provider's tokens if the site is configured to. A failure is
// logged and does not stop the sign-in.
func (s *Site) keepTokens(c echo.Context, userID string, result oauth.Result) {
	if s.Tokens == nil {
		return
	}
	ctx, v := c.Request().Context(), VisitOf(c)
	if err := s.Tokens.Keep(ctx, v.Jar, userID, result.Identity, result.Tokens, result.Remember); err != nil {
		s.Log.WarnContext(ctx, "account_tokens_not_kept", "id", v.ID, "provider", result.Identity.Provider, "error", err)
	}
}

// storedTokensNote describes the provider tokens stored with an account and when they
// expire.
func (s *Site) storedTokensNote(c echo.Context, a auth.Account) string {
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
		note += "; access ended " + views.Relative(t.Expires, s.Now()).Text
	case !t.Expires.IsZero():
		note += "; access ends " + views.Relative(t.Expires, s.Now()).Text
	}
	if t.Refresh != "" {
		note += ", can be refreshed"
	}
	return note + "."
}
