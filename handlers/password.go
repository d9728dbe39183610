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

// passwordNote explains why there is no password form, where there is none.
const passwordNote = "No password sign-in here: this site keeps no users, so there is nowhere to keep a password. SESSION_STRATEGY=database keeps them."

// formError is the error of an invalid form: the form is rendered again with status and the
// message of code.
type formError struct {
	status int
	code   string
}

func (f *formError) Error() string { return f.code }

// requirePasswords rejects the request if passwords are not stored. Otherwise it attaches
// the client's address to the context, by which password hashing is scheduled fairly.
func (s *Site) requirePasswords(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.Accounts == nil {
			return errPasswordDatabase
		}
		r := c.Request()
		c.SetRequest(r.WithContext(auth.WithClient(r.Context(), ClientAddress(c))))
		return next(c)
	}
}

// signUpPage offers to sign up with a password.
func (s *Site) signUpPage(c echo.Context) error {
	next := oauth.SafeNext(c.QueryParam("next"))
	if VisitOf(c).SignedIn() {
		return c.Redirect(http.StatusSeeOther, next)
	}
	return s.drawSignUp(c, http.StatusOK, views.SignUp{Next: next, Remember: true})
}

func (s *Site) drawSignUp(c echo.Context, status int, m views.SignUp) error {
	return Render(c.Response(), status, views.SignUpPage(s.Page(c.Request(), "Create an account"), m))
}

// signUp creates a user with a password, and signs them in. It reveals whether an email
// is taken, because the person signing up has to know; attempts are rate-limited.
func (s *Site) signUp(c echo.Context) error {
	form, err := Form(c)
	if err != nil {
		return err
	}
	if wait := s.limits.signUps.Take(s.guesser(c)); wait > 0 {
		return s.RateLimited(c, wait)
	}
	user, err := s.newUser(c, form.Get("email"), form.Get("name"), form.Get("password"))
	var flaw *formError
	if errors.As(err, &flaw) {
		return s.drawSignUp(c, flaw.status, views.SignUp{
			Next: oauth.SafeNext(form.Get("next")), Remember: Remember(form), Email: form.Get("email"), Name: form.Get("name"),
			Flaw: flawIn(flaw.code),
		})
	}
	if err != nil {
		return err
	}
	s.Log.InfoContext(c.Request().Context(), "sign_up", "id", VisitOf(c).ID, "user", user.ID)
	if err := s.issueSessions(c, auth.PasswordProvider, user, Remember(form)); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, oauth.SafeNext(form.Get("next")))
}

func (s *Site) newUser(c echo.Context, email, name, password string) (auth.User, error) {
	ctx := c.Request().Context()
	id, ok := auth.PasswordIdentity(email, name)
	if !ok {
		return auth.User{}, &formError{400, "email_invalid"}
	}
	if flaw := auth.FlawOf(password, id.Email, name, views.Brand); flaw != "" {
		return auth.User{}, &formError{400, string(flaw)}
	}
	switch _, _, err := s.Accounts.Password(ctx, id); {
	case err == nil:
		return auth.User{}, &formError{409, "email_taken"}
	case !errors.Is(err, auth.ErrNotFound):
		return auth.User{}, Unavailable(err)
	}
	hash, err := s.Passwords.Hash(ctx, password)
	if err != nil {
		return auth.User{}, hashProblem(err)
	}
	// The email is unverified, so the user id must not be derived from it: after this
	// user is deleted, the same email may belong to somebody else.
	user := id.User()
	user.ID = strings.ToLower(s.Text())
	user, err = s.Accounts.SignUp(ctx, user, id, hash)
	if errors.Is(err, auth.ErrTaken) {
		return auth.User{}, &formError{409, "email_taken"}
	}
	return user, Unavailable(err)
}

// passwordSignIn answers a wrong password and an unknown email alike, in words
// and in work (ASVS 6.3.8).
func (s *Site) passwordSignIn(c echo.Context) error {
	form, err := Form(c)
	if err != nil {
		return err
	}
	if wait := s.limits.signIns.Take(s.guesser(c)); wait > 0 {
		return s.RateLimited(c, wait)
	}
	id, _ := auth.PasswordIdentity(form.Get("email"), "") // an invalid email leaves id empty, which matches no user
	user, _, right, err := s.checkPassword(c, id, form.Get("password"))
	if err != nil {
		return err
	}
	ctx, v := c.Request().Context(), VisitOf(c)
	next := oauth.SafeNext(form.Get("next"))
	if !right {
		s.Log.WarnContext(ctx, "sign_in_failed", "id", v.ID, "provider", auth.PasswordProvider, "reason", "credentials_wrong")
		return s.drawSignIn(c, http.StatusUnauthorized, views.SignIn{
			Next: next, Remember: Remember(form), Email: form.Get("email"),
			Flaw: flawIn("credentials_wrong"),
		})
	}
	if user.Disabled {
		return s.notSignedIn(c, auth.PasswordProvider, next, auth.ErrDisabled)
	}
	if err := s.issueSessions(c, auth.PasswordProvider, user, Remember(form)); err != nil {
		if auth.Refused(err) {
			return s.notSignedIn(c, auth.PasswordProvider, next, err)
		}
		return err
	}
	return c.Redirect(http.StatusSeeOther, next)
}

// checkPassword takes the same work for known and unknown emails and limits guesses. It
// returns the stored hash, after replacing it if its parameters are outdated.
func (s *Site) checkPassword(c echo.Context, id auth.Identity, password string) (user auth.User, hash string, right bool, err error) {
	if id.Subject == "" {
		return auth.User{}, "", false, nil // not an email, so no user has it
	}
	ctx, dated := c.Request().Context(), false
	right, wait, err := s.limits.guesses.Try(s.tenant(c.Request())+" "+id.Subject, s.guesser(c), func() (right bool, err error) {
		if user, hash, err = s.Accounts.Password(ctx, id); err != nil && !errors.Is(err, auth.ErrNotFound) {
			return false, Unavailable(err)
		}
		right, dated, err = s.Passwords.Check(ctx, hash, password)
		return right, hashProblem(err)
	})
	if wait > 0 {
		return auth.User{}, "", false, s.RateLimited(c, wait)
	}
	if right && dated {
		hash = s.rehash(c, user.ID, hash, password)
	}
	return user, hash, right, err
}

// rehash replaces a dated hash and returns the one that is stored then. If that fails,
// the old hash stays.
func (s *Site) rehash(c echo.Context, userID, old, password string) string {
	ctx := c.Request().Context()
	hash, err := s.Passwords.Hash(ctx, password)
	if err == nil {
		err = s.Accounts.Rehash(ctx, userID, old, hash)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "password_not_rehashed", "id", VisitOf(c).ID, "user", userID, "error", err)
		return old
	}
	return hash
}

// hashProblem turns ErrBusy into a 503 and returns other errors unchanged.
func hashProblem(err error) error {
	if errors.Is(err, auth.ErrBusy) {
		return WithCause(errBusy, err)
	}
	return err
}

// changePassword replaces the password, or sets a first one for somebody who came
// through a provider, and ends every other session of the user that can be ended.
func (s *Site) changePassword(c echo.Context) error {
	form, err := Form(c)
	if err != nil {
		return err
	}
	ctx, v := c.Request().Context(), VisitOf(c)
	if wait := s.limits.changes.Take(v.Session.User.ID + " " + s.guesser(c)); wait > 0 {
		return s.RateLimited(c, wait)
	}
	mine := s.signedInUnder(c) // before SetPassword increments the epoch
	user, err := s.setPassword(c, form.Get("current"), form.Get("password"))
	var flaw *formError
	if errors.As(err, &flaw) {
		return s.drawAccount(c, flaw.status, flawIn(flaw.code))
	}
	if err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "password_changed", "id", v.ID, "user", v.Session.User.ID)
	switch err := s.reissueSessions(c, user, mine); {
	case auth.Refused(err): // the session was ended in the meantime and stays ended
		return err
	case err != nil:
		return WithCause(errSessionsUncertain, err)
	}
	return c.Redirect(http.StatusSeeOther, accountPath+"?done=password")
}

// setPassword sets the password and returns the updated user.
func (s *Site) setPassword(c echo.Context, current, password string) (auth.User, error) {
	ctx, v := c.Request().Context(), VisitOf(c)
	user, none := v.Session.User, auth.User{}
	accounts, err := s.accountsOf(c)
	if err != nil {
		return none, err
	}
	email, old := user.Email, ""
	if a := accounts.of(auth.PasswordProvider); a != nil {
		email = a.Subject
		if a.HasPassword { // the proof of an address removes it; see auth.Links
			var right bool
			_, old, right, err = s.checkPassword(c, auth.Identity{Issuer: a.Issuer, Subject: a.Subject}, current)
			if err != nil {
				return none, err
			}
			if !right {
				return none, &formError{403, "password_wrong"}
			}
		}
	}
	id, ok := auth.PasswordIdentity(email, user.Name)
	if !ok {
		return none, &formError{400, "password_requires_an_email"}
	}
	if flaw := auth.FlawOf(password, email, user.Name, views.Brand); flaw != "" {
		return none, &formError{400, string(flaw)}
	}
	hash, err := s.Passwords.Hash(ctx, password)
	if err != nil {
		return none, hashProblem(err)
	}
	user, err = s.Accounts.SetPassword(ctx, v.Manager.Standing(v.Jar, v.Session), id, old, hash)
	if errors.Is(err, auth.ErrTaken) {
		return none, &formError{409, "email_taken"}
	}
	return user, Unavailable(err)
}

// signedInUnder returns this browser's sessions of this user, each with its manager.
func (s *Site) signedInUnder(c echo.Context) (mine []auth.Carried) {
	ctx, v := c.Request().Context(), VisitOf(c)
	for _, m := range s.Managers(c.Request()) {
		session, err := v.Session, error(nil)
		if m != v.Manager {
			session, err = m.Load(ctx, v.Jar)
		}
		if err == nil && session.User.ID == v.Session.User.ID {
			mine = append(mine, auth.Carried{Manager: m, Session: session})
		}
	}
	return mine
}

// reissueSessions ends the user's other sessions where possible, and reissues this browser's
// own sessions if they are still valid. Strategies that cannot list sessions are skipped:
// under epoch the new password has already ended the old ones.
func (s *Site) reissueSessions(c echo.Context, user auth.User, mine []auth.Carried) error {
	ctx, v := c.Request().Context(), VisitOf(c)
	var failed error
	for _, m := range s.Managers(c.Request()) {
		r, revokes := m.Strategy.(auth.Revoker)
		if _, lists := m.Strategy.(auth.Lister); !revokes || !lists {
			continue
		}
		others := auth.Target{UserID: user.ID, All: true}
		for _, carried := range mine {
			if carried.Manager == m {
				others.All, others.Except = false, carried.Session.ID
			}
		}
		_, err := r.Revoke(ctx, others)
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		return failed
	}
	in := auth.SignIn{User: user, Device: v.Session.Device, Remember: v.Session.Remember}
	return auth.ReissueAll(ctx, v.Jar, in, mine)
}
