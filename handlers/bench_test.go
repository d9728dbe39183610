package handlers_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/handlers"
	"sessionlab/handlers/handlerstest"
)

// discard is a ResponseWriter that keeps nothing but the status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

func serve(b *testing.B, h http.Handler, r *http.Request) {
	b.ReportAllocs()
	r.RemoteAddr = "127.0.0.1:50000"
	w := &discard{header: http.Header{}}
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
	if w.status != http.StatusOK {
		b.Errorf("%s: got %d, want 200", r.URL.Path, w.status)
	}
}

// BenchmarkRequest compares "who am I" under each strategy with the bare
// framework saying hello. Compare within one run: machines are noisy.
//
//	go test ./handlers -run '^$' -bench Request
func BenchmarkRequest(b *testing.B) {
	b.Run("hello", func(b *testing.B) {
		e := echo.New()
		e.GET("/", func(c echo.Context) error { return c.JSON(http.StatusOK, map[string]string{"hello": "world"}) })
		serve(b, e, httptest.NewRequest("GET", handlerstest.LocalURL+"/", nil))
	})
	for _, kind := range auth.Kinds() {
		s := handlerstest.NewSiteWith(b, handlerstest.Settings{Strategy: kind.Name, Change: func(s *handlers.Site) {
			s.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
		}})
		laptop := handlerstest.NewBrowser(b, s).SignIn("ada")
		for _, path := range []string{"/api/user", "/api/session", "/dashboard"} {
			b.Run(kind.Name+path, func(b *testing.B) {
				r := httptest.NewRequest("GET", handlerstest.LocalURL+path, nil)
				r.Header.Set("Cookie", laptop.CookieHeader())
				serve(b, s, r)
			})
		}
	}
}
