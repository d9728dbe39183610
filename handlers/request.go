package handlers

import (
	"errors"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

func isAPI(c echo.Context) bool { return strings.HasPrefix(c.Request().URL.Path, "/api/") }

// ClientAddress returns the address that rate limits count: an IPv4 address, or the /64
// prefix of an IPv6 address, because a client can choose the rest freely.
func ClientAddress(c echo.Context) string { return network(c.RealIP()) }

func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.String()
		}
	}
	return ip.String()
}

// Remember reports whether the box was ticked. If the form has no such field, it reports
// true; a form with the checkbox also sends a hidden 0.
func Remember(form url.Values) bool {
	values := form["remember"]
	return len(values) == 0 || values[len(values)-1] == "1"
}

// Form reads an urlencoded form. Anything else is a bad request.
func Form(c echo.Context) (url.Values, error) { return formOf(c.Request()) }

func formOf(r *http.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.ContentLength != 0 && (err != nil || !strings.EqualFold(kind, echo.MIMEApplicationForm)) {
		return nil, errBadForm
	}
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, WithCause(errBadForm, err)
	}
	return r.PostForm, nil
}
