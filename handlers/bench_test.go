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
)

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

func serve(b *testing.B, h http.Handler, r *http.Request) {
	b.ReportAllocs()
	w := &discard{header: http.Header{}}
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
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
		serve(b, e, httptest.NewRequest("GET", localURL+"/", nil))
	})
	for _, kind := range auth.Kinds() {
		s := newSiteWith(b, settings{Strategy: kind.Name, Change: func(s *handlers.Site) {
			s.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
		}})
		laptop := newBrowser(b, s).signIn("ada")
		for _, path := range []string{"/api/user", "/api/session", "/dashboard"} {
			b.Run(kind.Name+path, func(b *testing.B) {
				r := httptest.NewRequest("GET", localURL+path, nil)
				r.Header.Set("Cookie", laptop.header())
				serve(b, s, r)
			})
		}
	}
}
