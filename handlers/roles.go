package handlers

import "github.com/labstack/echo/v4"

var (
	errRole             = &Problem{Status: 403, Code: "role_required", Title: "Not with this role", Text: "This needs a different role."}
	errRoleWithoutUsers = &Problem{Status: 400, Code: "role_requires_database", Title: "Nobody knows your role now", Text: "Users are not stored here, so your current role cannot be looked up. Set SESSION_STRATEGY to a strategy with a database."}
)

// RequireClaimRole allows users whose session has the role. It reads no database, so a
// demoted user may pass until the session's copy of the role is refreshed.
func (s *Site) RequireClaimRole(role string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if VisitOf(c).Session.User.Role != role {
				return errRole
			}
			return next(c)
		}
	}
}

// RequireLiveRole reads the user's current role from the database and ignores the role in
// the session. Nothing in a request can switch that off.
func (s *Site) RequireLiveRole(role string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if s.Users == nil {
				return errRoleWithoutUsers
			}
			u, err := s.liveUser(c)
			switch {
			case err != nil:
				return err
			case u.Role != role:
				return errRole
			}
			return next(c)
		}
	}
}
