package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// routes is the whole site.
func (s *Site) routes() http.Handler {
	s.limits = newLimits(s.Now)
	e := echo.New()
	e.HTTPErrorHandler = s.fail
	e.IPExtractor = clientIP(s.Proxies)
	e.Use(s.loadSession)

	e.GET("/", s.landing)
	e.GET("/sign-in", s.signInPage)
	e.POST("/sign-in/:provider", s.signIn, s.limit(s.limits.starts))
	e.GET("/sign-in/:provider/callback", s.callback, s.limit(s.limits.callbacks))
	e.POST("/sign-in/password", s.passwordSignIn, s.requirePasswords)
	e.GET("/sign-in/password", redirect("/sign-in")) // where a reload of what the form answered leads
	e.GET("/sign-up", s.signUpPage, s.requirePasswords)
	e.POST("/sign-up", s.signUp, s.requirePasswords)
	e.POST("/sign-out", s.signOut)

	e.GET("/dashboard", s.dashboard, s.requireSession)
	e.GET("/sessions", s.sessions, s.requireSession)
	e.POST("/sessions/:id/revoke", s.revokeOne, s.requireConfirmed)
	e.POST("/sessions/revoke-others", s.revokeOthers, s.requireConfirmed)
	e.POST("/sessions/revoke-all", s.revokeAll, s.requireConfirmed)

	e.GET("/account", s.account, s.requireSession)
	e.GET("/account/password", redirect(accountPath))
	e.POST("/account/password", s.changePassword, s.requirePasswords, s.requireFresh)
	e.POST("/account/link/:provider", s.link, s.requireAccounts, s.limit(s.limits.starts), s.requireFresh)
	e.POST("/account/unlink/:provider", s.unlink, s.requireAccounts, s.requireFresh)
	e.POST("/account/delete", s.deleteAccount, s.requireAccounts, s.requireFresh)

	e.GET("/api/session", s.apiSession, s.requireSession)
	e.GET("/api/user", s.apiUser, s.requireSession)
	e.GET("/api/sessions", s.apiSessions, s.requireSession)
	e.POST("/api/token", s.apiToken, s.limit(s.limits.tokens), s.requireSession)
	e.POST("/api/sessions/:id/revoke", s.revokeOne, s.requireConfirmed)
	e.POST("/api/sessions/revoke-others", s.revokeOthers, s.requireConfirmed)
	e.POST("/api/sessions/revoke-all", s.revokeAll, s.requireConfirmed)

	e.GET("/static/*", echo.WrapHandler(s.Assets))
	if s.IDP != nil {
		e.Any("/idp/*", echo.WrapHandler(s.IDP))
	}
	if s.Extension != nil {
		s.Extension.Routes(e)
	}
	return s.outermost(e)
}

func redirect(to string) echo.HandlerFunc {
	return func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, to) }
}
