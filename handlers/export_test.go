package handlers

import "github.com/labstack/echo/v4"

// Routes returns the routes of the site, for tests that must not forget one.
func (s *Site) Routes() []*echo.Route { return s.router().Routes() }

// Explained reports whether people are told in words what a code means.
func Explained(code string) bool { return messages[code].text != "" }
