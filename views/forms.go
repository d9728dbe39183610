package views

import (
	"net/url"
	"strings"
)

// about returns the flaw if it is about the field of that name, and none if it
// is about another.
func (f Flaw) about(name string) Flaw {
	field := "password"
	switch {
	case strings.HasPrefix(f.Code, "email"):
		field = "email"
	case f.Code == "password_wrong":
		field = "current"
	}
	if field != name {
		return Flaw{}
	}
	return f
}

// bit returns the form value of a bool: "1" or "0".
func bit(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

func escape(s string) string { return url.QueryEscape(s) }
