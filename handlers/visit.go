package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// A Visit holds the state of one request.
type Visit struct {
	ID      string // request id
	Began   time.Time
	Receipt *auth.Receipt
	Header  http.Header // of the answer
	Jar     *auth.Jar
	Manager *auth.Manager // whose session the request trusts
	Session auth.Session
	Bearer  string // the bearer token that the session was loaded from; "" if from cookies
	Err     error  // why there is no session; nil if there is one

	request *http.Request // as it arrived
	address echo.IPExtractor
}

// client returns the address of the client, for a log.
func (v *Visit) client() string { return v.address(v.request) }

func (v *Visit) SignedIn() bool { return v.Manager != nil && v.Err == nil }

type visitKey struct{}

func withVisit(ctx context.Context, v *Visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

func VisitFrom(ctx context.Context) *Visit {
	v, _ := ctx.Value(visitKey{}).(*Visit)
	return v
}

func VisitOf(c echo.Context) *Visit { return VisitFrom(c.Request().Context()) }
