package handlers

import "github.com/labstack/echo/v4"

var (
	errRole             = &Problem{Status: 403, Code: "role_required", Title: "Not with this role", Text: "This needs another role than yours."}
	errRoleWithoutUsers = &Problem{Status: 400, Code: "role_requires_database", Title: "Nobody knows your role now", Text: "Users are not stored here, so a live role cannot be asked for. Set SESSION_STRATEGY to a strategy with a database."}
)

// requireClaimRole lets those pass whose session says that they have a role. It
// costs nothing, and is as old as the session's copy: whoever was demoted may
// pass until the copy is replaced.
func (s *Site) requireClaimRole(role string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if visitOf(c).session.User.Role != role {
				return errRole
			}
			return next(c)
		}
	}
}

// requireLiveRole asks the database at this moment, whatever the session says.
// Nothing in a request can switch that off.
func (s *Site) requireLiveRole(role string) echo.MiddlewareFunc {
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
