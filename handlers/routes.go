package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// routes is the whole site.
func (s *Site) routes() http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = s.fail
	e.IPExtractor = clientIP(s.Proxies)
	e.Use(s.protectHeaders, s.loadSession)

	e.GET("/", s.landing)
	e.GET("/sign-in", s.signInPage)
	e.POST("/sign-in/:provider", s.signIn)
	e.GET("/sign-in/:provider/callback", s.callback)
	e.POST("/sign-out", s.signOut)

	e.GET("/dashboard", s.dashboard, s.requireSession)
	e.GET("/sessions", s.sessions, s.requireSession)
	e.POST("/sessions/:id/revoke", s.revokeOne, s.requireSession)
	e.POST("/sessions/revoke-others", s.revokeOthers, s.requireSession)
	e.POST("/sessions/revoke-all", s.revokeAll, s.requireSession)

	e.GET("/api/session", s.apiSession, s.requireSession)
	e.GET("/api/user", s.apiUser, s.requireSession)
	e.GET("/api/sessions", s.apiSessions, s.requireSession)
	e.POST("/api/token", s.apiToken, s.requireSession)
	e.POST("/api/sessions/:id/revoke", s.revokeOne, s.requireSession)
	e.POST("/api/sessions/revoke-others", s.revokeOthers, s.requireSession)
	e.POST("/api/sessions/revoke-all", s.revokeAll, s.requireSession)

	e.GET("/static/*", echo.WrapHandler(s.Assets))
	if s.IDP != nil {
		e.Any("/idp/*", echo.WrapHandler(s.IDP))
	}
	if s.Extension != nil {
		s.Extension.Routes(e)
	}
	return s.outermost(e)
}
