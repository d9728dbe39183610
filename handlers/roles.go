package handlers

import (
	"errors"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

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
			u, err := s.Users.User(c.Request().Context(), visitOf(c).session.User.ID)
			switch {
			case errors.Is(err, auth.ErrNotFound):
				return auth.ErrRevoked
			case err != nil:
				return unavailable(err)
			case u.Disabled:
				return auth.ErrDisabled
			case u.Role != role:
				return errRole
			}
			return next(c)
		}
	}
}
