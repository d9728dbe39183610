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

// siteName is in the title of every page, so no password may rest on it.
const siteName = "sessionlab"

// passwordNote says why there is no password form, where there is none.
const passwordNote = "No password sign-in here: this site keeps no users, so there is nowhere to keep a password. SESSION_STRATEGY=database would."

// flaws say what is wrong with a form, in words for the one who filled it in.
var flaws = map[string]string{
	"email_invalid":               "That is not an email address.",
	"email_taken":                 "This email has a password here already. Sign in with it instead.",
	"credentials_wrong":           "That email and password do not belong together.",
	"password_wrong":              "That is not your current password.",
	string(auth.PasswordShort):    "A password needs at least 15 characters. A few words that only you would put together are good.",
	string(auth.PasswordLong):     "A password may have at most 256 bytes.",
	string(auth.PasswordCommon):   "Too many people think of that one, or it repeats itself.",
	string(auth.PasswordPersonal): "That is mostly your name, your email or this site's name. Add something that nobody knows.",
	"account_taken":               "Somebody has a password for that email here already.",
	"password_requires_an_email":  "A password goes with an email, and your account has none.",
}

// flawed draws a form again, with what is wrong with it.
type flawed struct {
	status int
	code   string
}

func (f *flawed) Error() string { return f.code }

// requirePasswords refuses where there is no place to keep a password.
func (s *Site) requirePasswords(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.Accounts == nil {
			return errPasswordDatabase
		}
		return next(c)
	}
}

// signUpPage offers to sign up with a password.
func (s *Site) signUpPage(c echo.Context) error {
	next := oauth.SafeNext(c.QueryParam("next"))
	if visitOf(c).signedIn() {
		return c.Redirect(http.StatusSeeOther, next)
	}
	return s.drawSignUp(c, http.StatusOK, views.SignUp{Next: next, Remember: true})
}

func (s *Site) drawSignUp(c echo.Context, status int, m views.SignUp) error {
	return render(c.Response(), status, views.SignUpPage(s.page(c.Request(), "Create an account"), m))
}

// signUp creates a user with a password, and signs them in. It may say that an
// email is taken: whoever signs up must learn it, and tries are limited.
func (s *Site) signUp(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	if wait := s.limits.signUps.Take(address(c)); wait > 0 {
		return s.tooOften(c, wait)
	}
	user, err := s.newUser(c, form.Get("email"), form.Get("name"), form.Get("password"))
	var flaw *flawed
	if errors.As(err, &flaw) {
		return s.drawSignUp(c, flaw.status, views.SignUp{
			Next: oauth.SafeNext(form.Get("next")), Remember: remember(form), Email: form.Get("email"), Name: form.Get("name"),
			Flaw: views.Flaw{Code: flaw.code, Text: flaws[flaw.code]},
		})
	}
	if err != nil {
		return err
	}
	s.Log.InfoContext(c.Request().Context(), "sign_up", "id", visitOf(c).id, "user", user.ID)
	if err := s.establish(c, auth.PasswordProvider, user, remember(form)); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, oauth.SafeNext(form.Get("next")))
}

func (s *Site) newUser(c echo.Context, email, name, password string) (auth.User, error) {
	ctx := c.Request().Context()
	id, ok := auth.PasswordIdentity(email, name)
	if !ok {
		return auth.User{}, &flawed{400, "email_invalid"}
	}
	if flaw := auth.FlawOf(password, id.Email, name, siteName); flaw != "" {
		return auth.User{}, &flawed{400, string(flaw)}
	}
	switch _, _, err := s.Accounts.Password(ctx, id); {
	case err == nil:
		return auth.User{}, &flawed{409, "email_taken"}
	case !errors.Is(err, auth.ErrNotFound):
		return auth.User{}, unavailable(err)
	}
	hash, err := s.Passwords.Hash(ctx, password)
	if err != nil {
		return auth.User{}, hashing(err)
	}
	// Nobody vouches for the email, so the id must not follow from it: whoever has
	// it after this user is gone is somebody else.
	user := id.User()
	user.ID = strings.ToLower(s.Text())
	user, err = s.Accounts.SignUp(ctx, user, id, hash)
	if errors.Is(err, auth.ErrTaken) {
		return auth.User{}, &flawed{409, "email_taken"}
	}
	return user, unavailable(err)
}

// passwordSignIn answers a wrong password and an unknown email alike, in words
// and in work (ASVS 6.3.8).
func (s *Site) passwordSignIn(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	if wait := s.limits.signIns.Take(address(c)); wait > 0 {
		return s.tooOften(c, wait)
	}
	id, _ := auth.PasswordIdentity(form.Get("email"), "") // no address: nobody's
	if wait := s.limits.guesses.Try(id.Subject, address(c)); wait > 0 {
		return s.tooOften(c, wait)
	}
	user, right, err := s.checkPassword(c, id, form.Get("password"))
	if err != nil {
		return err
	}
	ctx, v := c.Request().Context(), visitOf(c)
	next := oauth.SafeNext(form.Get("next"))
	if !right {
		s.Log.WarnContext(ctx, "sign_in_failed", "id", v.id, "provider", auth.PasswordProvider, "reason", "credentials_wrong")
		return s.drawSignIn(c, http.StatusUnauthorized, views.SignIn{
			Next: next, Remember: remember(form), Email: form.Get("email"),
			Flaw: views.Flaw{Code: "credentials_wrong", Text: flaws["credentials_wrong"]},
		})
	}
	s.limits.guesses.Right(id.Subject, address(c))
	if user.Disabled {
		return s.notSignedIn(c, auth.PasswordProvider, next, auth.ErrDisabled)
	}
	if err := s.establish(c, auth.PasswordProvider, user, remember(form)); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, next)
}

// checkPassword hashes once for every email, known or not.
func (s *Site) checkPassword(c echo.Context, id auth.Identity, password string) (auth.User, bool, error) {
	ctx := c.Request().Context()
	if len(password) > auth.MaxPassword {
		return auth.User{}, false, nil // nobody has such a one
	}
	user, hash, err := s.Accounts.Password(ctx, id)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return auth.User{}, false, unavailable(err)
	}
	right, err := s.Passwords.Check(ctx, hash, password)
	return user, right, hashing(err)
}

// hashing says what a failure to hash means.
func hashing(err error) error {
	if errors.Is(err, auth.ErrBusy) {
		return because(errBusy, err)
	}
	return err
}

// changePassword replaces the password, or sets a first one for somebody who came
// through a provider, and ends every other session of the user that can be ended.
func (s *Site) changePassword(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, v := c.Request().Context(), visitOf(c)
	if wait := s.limits.changes.Take(v.session.User.ID); wait > 0 {
		return s.tooOften(c, wait)
	}
	mine := s.signedInUnder(c) // before the epoch rises
	err = s.setPassword(c, form.Get("current"), form.Get("password"))
	var flaw *flawed
	if errors.As(err, &flaw) {
		return s.drawAccount(c, flaw.status, views.Flaw{Code: flaw.code, Text: flaws[flaw.code]})
	}
	if err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "password_changed", "id", v.id, "user", v.session.User.ID)
	if err := s.startOver(c, mine); err != nil {
		return because(errSessionsUncertain, err)
	}
	return c.Redirect(http.StatusSeeOther, accountPath+"?done=password")
}

func (s *Site) setPassword(c echo.Context, current, password string) error {
	ctx, user := c.Request().Context(), visitOf(c).session.User
	accounts, err := s.accountsOf(c)
	if err != nil {
		return err
	}
	email := user.Email
	if a := accounts.of(auth.PasswordProvider); a != nil {
		email = a.Subject
		_, right, err := s.checkPassword(c, auth.Identity{Issuer: a.Issuer, Subject: a.Subject}, current)
		if err != nil {
			return err
		}
		if !right {
			return &flawed{403, "password_wrong"}
		}
	}
	id, ok := auth.PasswordIdentity(email, user.Name)
	if !ok {
		return &flawed{400, "password_requires_an_email"}
	}
	if flaw := auth.FlawOf(password, email, user.Name, siteName); flaw != "" {
		return &flawed{400, string(flaw)}
	}
	hash, err := s.Passwords.Hash(ctx, password)
	if err != nil {
		return hashing(err)
	}
	err = s.Accounts.SetPassword(ctx, user.ID, id, hash)
	if errors.Is(err, auth.ErrTaken) {
		return &flawed{409, "account_taken"}
	}
	return unavailable(err)
}

// signedInUnder returns the managers under which this browser has a session of
// this user: all that it was signed in under and has not been signed out of.
func (s *Site) signedInUnder(c echo.Context) (mine []*auth.Manager) {
	ctx, v := c.Request().Context(), visitOf(c)
	for _, m := range s.Managers(c.Request()) {
		session, err := v.session, error(nil)
		if m != v.manager {
			session, err = m.Load(ctx, v.jar)
		}
		if err == nil && session.User.ID == v.session.User.ID {
			mine = append(mine, m)
		}
	}
	return mine
}

// startOver ends every session of the user that can be ended, and starts new ones
// for this browser.
func (s *Site) startOver(c echo.Context, mine []*auth.Manager) error {
	ctx, v := c.Request().Context(), visitOf(c)
	var failed error
	for _, m := range s.Managers(c.Request()) {
		if r, ok := m.Strategy.(auth.Revoker); ok {
			_, err := r.Revoke(ctx, auth.Target{UserID: v.session.User.ID})
			failed = errors.Join(failed, err)
		}
	}
	user, err := s.Users.User(ctx, v.session.User.ID)
	if failed = errors.Join(failed, err); failed != nil {
		return failed
	}
	in := auth.SignIn{User: user, Device: v.session.Device, Remember: v.session.Remember}
	return auth.IssueAll(ctx, v.jar, in, mine...)
}
