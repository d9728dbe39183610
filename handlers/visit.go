package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// A visit is what is known of one request.
type visit struct {
	id      string // request id
	began   time.Time
	receipt *auth.Receipt
	header  http.Header // of the answer
	jar     *auth.Jar
	manager *auth.Manager // whose session the request trusts
	session auth.Session
	bearer  bool  // by a bearer token, not by cookies
	err     error // why there is no session; nil if there is one
}

func (v *visit) signedIn() bool { return v.manager != nil && v.err == nil }

type visitKey struct{}

func withVisit(ctx context.Context, v *visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

func visitFrom(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

func visitOf(c echo.Context) *visit { return visitFrom(c.Request().Context()) }
