package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/mail"
	"sessionlab/views"
)

// Mailed are the ways back in by email: a new password, a sign-in, and the verification of
// an address.
type Mailed struct {
	Links  auth.Links
	Sender mail.Sender
	Seal   auth.Sealer   // of the purpose [auth.LinkPurpose], and one that encrypts
	Outbox *mail.Outbox  // shown at /dev/mail; nil except on loopback
	Later  func(func())  // runs a function after the answer
	Wait   time.Duration // for storage and the mail server, each time
}

var (
	errLinkInvalid = &Problem{Status: 400, Code: "link_invalid", Title: "This link does not work any more", Text: "A link works once, for fifteen minutes, and in the browser that opened it. A newer password ends it, too. Ask for another one."}
)

// routeLinks adds the routes of Mailed.
func (s *Site) routeLinks(e *echo.Echo) {
	for _, purpose := range []string{auth.LinkReset, auth.LinkSignIn} {
		e.GET("/links/"+purpose, s.askPage(purpose))
		e.POST("/links/"+purpose, s.ask(purpose))
	}
	e.POST("/links/verify", s.askToVerify, s.requirePresent)
	e.GET("/link", s.openLink)
	for _, purpose := range []string{auth.LinkReset, auth.LinkSignIn, auth.LinkVerify} {
		e.GET("/link/"+purpose, Redirect("/link")) // for a reload of the page that the POST rendered
		e.POST("/link/"+purpose, s.useLink(purpose), s.requirePasswords)
	}
	if s.Mailed.Outbox != nil {
		e.GET("/dev/mail", s.outbox)
	}
}

func (s *Site) askPage(purpose string) echo.HandlerFunc {
	return func(c echo.Context) error {
		return s.drawAsk(c, http.StatusOK, views.AskLink{Purpose: purpose, Email: c.QueryParam("email")})
	}
}

func (s *Site) drawAsk(c echo.Context, status int, m views.AskLink) error {
	m.Outbox = s.Mailed.Outbox != nil
	return Render(c.Response(), status, views.AskLinkPage(s.Page(c.Request(), m.Title()), m))
}

// ask answers alike whether or not there is an account, and does the work for it after
// the answer, so that neither text nor time tells (OWASP Forgot Password, ASVS 6.3.8).
func (s *Site) ask(purpose string) echo.HandlerFunc {
	return func(c echo.Context) error {
		form, err := Form(c)
		if err != nil {
			return err
		}
		id, ok := auth.PasswordIdentity(form.Get("email"), "")
		if !ok {
			return s.drawAsk(c, http.StatusBadRequest, views.AskLink{Purpose: purpose, Email: form.Get("email"), Flaw: flawIn("email_invalid")})
		}
		if err := s.limitMail(c, id.Subject); err != nil {
			return err
		}
		s.mailLater(c, purpose, id)
		return s.drawAsk(c, http.StatusOK, views.AskLink{Purpose: purpose, Email: id.Subject, Sent: true})
	}
}

// askToVerify mails a link to the address of whoever is signed in.
func (s *Site) askToVerify(c echo.Context) error {
	if _, err := Form(c); err != nil {
		return err
	}
	mine, err := s.accountsOf(c)
	if err != nil {
		return err
	}
	a := mine.of(auth.PasswordProvider)
	if a == nil {
		return errUnknownAccount
	}
	if err := s.limitMail(c, a.Subject); err != nil {
		return err
	}
	s.mailLater(c, auth.LinkVerify, auth.Identity{Issuer: a.Issuer, Subject: a.Subject})
	return c.Redirect(http.StatusSeeOther, accountPath+"?done=mailed")
}

// limitMail limits how much mail one client can cause, and how much one address gets,
// known or not.
func (s *Site) limitMail(c echo.Context, email string) error {
	wait := s.limits.mailAsks.Take(s.guesser(c))
	if wait == 0 {
		wait = s.limits.mailbox.Take(s.tenant(c.Request()) + " " + email)
	}
	if wait > 0 {
		return s.RateLimited(c, wait)
	}
	return nil
}

// mailLater mails a link after the answer, if the account of id can use one.
func (s *Site) mailLater(c echo.Context, purpose string, id auth.Identity) {
	visit := VisitOf(c).ID
	s.Mailed.Later(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.Mailed.Wait)
		defer cancel()
		switch sent, err := s.mailLink(ctx, purpose, id); {
		case err != nil:
			s.Log.ErrorContext(ctx, "link_not_mailed", "id", visit, "purpose", purpose, "error", err)
		case sent:
			s.Log.InfoContext(ctx, "link_mailed", "id", visit, "purpose", purpose)
		}
	})
}

func (s *Site) mailLink(ctx context.Context, purpose string, id auth.Identity) (sent bool, err error) {
	user, hash, err := s.Accounts.Password(ctx, id)
	switch {
	case errors.Is(err, auth.ErrNotFound) || err == nil && (user.Disabled || purpose == auth.LinkReset && hash == ""):
		return false, nil
	case err != nil:
		return false, err
	}
	secret := s.Text()
	err = s.Mailed.Links.AddLink(ctx, auth.LinkHash(secret), auth.Link{
		Purpose: purpose, UserID: user.ID, Email: id.Subject, Epoch: user.Epoch, ExpiresAt: s.Now().Add(auth.LinkLife),
	})
	if err != nil {
		return false, err
	}
	// The address is BASE_URL's, never the request's Host (OWASP Forgot Password), and
	// nothing in the text was typed by the person who asks.
	to := s.BaseURL.String() + "/link?token=" + url.QueryEscape(secret)
	subject, text := views.LinkMail(purpose, to)
	return true, s.Mailed.Sender.Send(ctx, mail.Message{To: id.Subject, Subject: subject, Text: text})
}

// openLink moves the secret of an emailed link into a sealed cookie and redirects to a clean
// path, where a page shows what the link is for. Programs that open every link in a mail
// use nothing up: only a POST does.
func (s *Site) openLink(c echo.Context) error {
	ctx, v := c.Request().Context(), VisitOf(c)
	if secret := c.QueryParam("token"); secret != "" {
		if auth.LinkHash(secret) == "" {
			return errLinkInvalid
		}
		data, err := json.Marshal(secret)
		if err != nil {
			return err
		}
		ends := s.Now().Add(auth.LinkLife)
		sealed, err := s.Mailed.Seal.Seal(ctx, auth.Claims{IssuedAt: s.Now(), ExpiresAt: ends, EndsAt: ends, Data: data})
		if err != nil {
			return err
		}
		if err := v.Jar.Set(auth.LinkCookie, sealed, auth.LinkLife); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/link")
	}
	_, link, err := s.linkOf(c)
	if err != nil {
		return err
	}
	return s.drawLink(c, http.StatusOK, link, views.Flaw{})
}

// linkOf returns the link whose secret this browser has, and its hash.
func (s *Site) linkOf(c echo.Context) (hash string, link auth.Link, err error) {
	ctx, v := c.Request().Context(), VisitOf(c)
	value, err := v.Jar.Get(auth.LinkCookie)
	if err != nil || value == "" {
		return "", link, errLinkInvalid
	}
	claims, err := s.Mailed.Seal.Open(ctx, value)
	var secret string
	if err != nil || !s.Now().Before(claims.ExpiresAt) || json.Unmarshal(claims.Data, &secret) != nil {
		v.Jar.Clear(auth.LinkCookie)
		return "", link, errLinkInvalid
	}
	hash = auth.LinkHash(secret)
	link, err = s.Mailed.Links.Link(ctx, hash, s.Now())
	if errors.Is(err, auth.ErrNotFound) {
		v.Jar.Clear(auth.LinkCookie)
		return "", link, errLinkInvalid
	}
	return hash, link, Unavailable(err)
}

func (s *Site) drawLink(c echo.Context, status int, link auth.Link, flaw views.Flaw) error {
	accounts, err := s.Accounts.Accounts(c.Request().Context(), link.UserID)
	if err != nil {
		return Unavailable(err)
	}
	m := views.OpenLink{Purpose: link.Purpose, Email: link.Email, Owner: isOwner(c, link), Flaw: flaw}
	m.Removes = !m.Owner && !linkedAccounts(accounts).proven(link.Email)
	if link.Purpose == auth.LinkReset || m.Removes {
		m.Endings = s.endings(c)
	}
	return Render(c.Response(), status, views.OpenLinkPage(s.Page(c.Request(), m.Title()), m))
}

// isOwner reports whether the browser is signed in as the user of a link.
func isOwner(c echo.Context, link auth.Link) bool {
	v := VisitOf(c)
	return v.SignedIn() && v.Session.User.ID == link.UserID
}

// proven reports whether somebody has proved that they read the mail of an address.
func (a linkedAccounts) proven(email string) bool {
	for _, account := range a {
		id, ok := auth.PasswordIdentity(account.Email, "")
		if account.EmailVerified && ok && id.Subject == email {
			return true
		}
	}
	return false
}

// endings says which sessions of a user the site can end.
func (s *Site) endings(c echo.Context) string {
	for _, m := range s.Managers(c.Request()) {
		if _, ok := m.Strategy.(auth.Revoker); !ok {
			return "Browsers that are signed in now stay signed in until their session ends by itself: this strategy keeps nothing on the server by which it could end one."
		}
	}
	return "This signs you out on every device."
}

// useLink uses a link. The form names the account that the person was shown.
func (s *Site) useLink(purpose string) echo.HandlerFunc {
	return func(c echo.Context) error {
		form, err := Form(c)
		if err != nil {
			return err
		}
		if wait := s.limits.signIns.Take(s.guesser(c)); wait > 0 {
			return s.RateLimited(c, wait)
		}
		ctx, v := c.Request().Context(), VisitOf(c)
		hash, link, err := s.linkOf(c)
		if err != nil {
			return err
		}
		use := auth.LinkUse{Hash: hash, Purpose: purpose, Email: form.Get("email"), Now: s.Now()}
		if link.Purpose != purpose || link.Email != use.Email {
			return errLinkInvalid
		}
		if isOwner(c, link) != (form.Get("owner") == "1") { // it would do something else than the page said
			return s.drawLink(c, http.StatusConflict, link, flawIn("link_changed"))
		}
		if isOwner(c, link) {
			// An ended session must not make this the proof of a stranger, which removes things.
			if err := s.confirm(c); err != nil {
				return err
			}
			by := v.Manager.Standing(v.Jar, v.Session)
			use.By = &by
		}
		if purpose == auth.LinkReset {
			if flaw := auth.FlawOf(form.Get("password"), link.Email, "", views.Brand); flaw != "" {
				return s.drawLink(c, http.StatusBadRequest, link, flawIn(string(flaw)))
			}
			if use.Password, err = s.Passwords.Hash(ctx, form.Get("password")); err != nil {
				return hashProblem(err)
			}
		}
		used, err := s.Mailed.Links.UseLink(ctx, use)
		if errors.Is(err, auth.ErrNotFound) || auth.Refused(err) {
			v.Jar.Clear(auth.LinkCookie)
			return WithCause(errLinkInvalid, err)
		}
		if err != nil {
			return Unavailable(err)
		}
		v.Jar.Clear(auth.LinkCookie)
		s.Log.InfoContext(ctx, "link_used", "id", v.ID, "purpose", purpose, "user", used.User.ID, "removed", used.Removed)
		return s.afterLink(c, purpose, used)
	}
}

// afterLink ends sessions, signs in if the link is for that, and goes on. A reset signs
// nobody in (OWASP Forgot Password).
func (s *Site) afterLink(c echo.Context, purpose string, used auth.LinkUsed) error {
	if used.Ended {
		if err := s.endSessions(c, used.User.ID); err != nil {
			return WithCause(errSessionsUncertain, err)
		}
		if v := VisitOf(c); v.SignedIn() && v.Session.User.ID == used.User.ID {
			if err := s.forget(c, s.Managers(c.Request())...); err != nil {
				return err
			}
		}
	}
	switch {
	case purpose == auth.LinkSignIn:
		if err := s.issueSessions(c, auth.PasswordProvider, used.User, true); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/dashboard")
	case purpose == auth.LinkReset:
		return c.Redirect(http.StatusSeeOther, "/sign-in?reason=password_reset")
	case used.Removed:
		return c.Redirect(http.StatusSeeOther, "/sign-in?reason=address_proven")
	case VisitOf(c).SignedIn():
		return c.Redirect(http.StatusSeeOther, accountPath+"?done=verified")
	}
	return c.Redirect(http.StatusSeeOther, "/sign-in?reason=address_verified")
}

// endSessions ends every session of a user that can be listed. Under epoch, using the link
// has ended them.
func (s *Site) endSessions(c echo.Context, userID string) (failed error) {
	for _, m := range s.Managers(c.Request()) {
		r, revokes := m.Strategy.(auth.Revoker)
		if _, lists := m.Strategy.(auth.Lister); revokes && lists {
			_, err := r.Revoke(c.Request().Context(), auth.Target{UserID: userID, All: true})
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// outbox shows the mail that was not sent, in development.
func (s *Site) outbox(c echo.Context) error {
	var m views.Outbox
	for _, kept := range s.Mailed.Outbox.Messages() {
		m.Mails = append(m.Mails, views.Mail{To: kept.To, Subject: kept.Subject, Text: kept.Text, Link: views.LinkIn(kept.Text), At: views.Relative(kept.At, s.Now())})
	}
	return Render(c.Response(), http.StatusOK, views.OutboxPage(s.Page(c.Request(), "Outbox"), m))
}
