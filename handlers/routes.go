package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// routes returns the whole site.
func (s *Site) routes() http.Handler { return s.outermost(s.router()) }

// router returns every route of the site.
func (s *Site) router() *echo.Echo {
	s.limits = newLimits(s.Now)
	e := echo.New()
	e.HTTPErrorHandler = s.Fail
	e.IPExtractor = clientIP(s.Proxies)
	e.Use(s.loadSession)

	e.GET("/", s.landing)
	e.GET("/sign-in", s.signInPage)
	e.POST("/sign-in/:provider", s.signIn, s.Limit(s.limits.starts))
	e.GET("/sign-in/:provider/callback", s.callback, s.Limit(s.limits.callbacks))
	e.POST("/sign-in/password", s.passwordSignIn, s.requirePasswords)
	e.GET("/sign-in/password", Redirect("/sign-in")) // for a reload of the page that the POST rendered
	e.GET("/sign-up", s.signUpPage, s.requirePasswords)
	e.POST("/sign-up", s.signUp, s.requirePasswords)
	e.POST("/sign-out", s.signOut)

	e.GET("/dashboard", s.dashboard, s.RequireSession)
	e.GET("/sessions", s.sessions, s.RequireSession)
	e.POST("/sessions/:id/revoke", s.revokeOne, s.requireConfirmed)
	e.POST("/sessions/revoke-others", s.revokeOthers, s.requireConfirmed)
	e.POST("/sessions/revoke-all", s.revokeAll, s.requireConfirmed)

	e.GET("/account", s.account, s.RequireSession)
	e.GET("/account/password", Redirect(accountPath))
	e.POST("/account/password", s.changePassword, s.requirePasswords, s.requireFresh)
	e.POST("/account/link/:provider", s.link, s.requireAccounts, s.Limit(s.limits.starts), s.requireFresh)
	e.POST("/account/unlink/:provider", s.unlink, s.requireAccounts, s.requireFresh)
	e.POST("/account/delete", s.deleteAccount, s.requireAccounts, s.requireFresh)

	if s.Notes != nil {
		e.GET("/notes", s.notes, s.RequireSession)
		e.POST("/notes", s.addNote, s.requirePresent)
		e.POST("/notes/:id/delete", s.deleteNote, s.requirePresent)
	}
	if s.Mailed != nil {
		s.routeLinks(e)
	}
	if s.Administration != nil {
		admin := s.RequireLiveRole(auth.RoleAdmin)
		e.GET("/admin/users", s.adminUsers, s.RequireSession, admin)
		e.GET("/admin/users/:id", s.adminUser, s.RequireSession, admin)
		guards := []echo.MiddlewareFunc{s.requireConfirmed, admin, s.checkFresh}
		e.POST("/admin/users/:id/role", s.adminRole, guards...)
		e.POST("/admin/users/:id/disable", s.adminDisable, guards...)
		e.POST("/admin/users/:id/enable", s.adminEnable, guards...)
		e.POST("/admin/users/:id/revoke", s.adminRevoke, guards...)
		e.POST("/admin/users/:id/delete", s.adminDelete, guards...)
	}

	e.GET("/api/session", s.apiSession, s.RequireSession)
	e.GET("/api/user", s.apiUser, s.RequireSession)
	e.GET("/api/sessions", s.apiSessions, s.RequireSession)
	e.POST("/api/token", s.apiToken, s.Limit(s.limits.tokens), s.RequireSession)
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
	return e
}

func Redirect(to string) echo.HandlerFunc {
	return func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, to) }
}
