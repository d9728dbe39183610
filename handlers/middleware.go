package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// outermost adds the middleware that runs before routing: a request id, a log line, a
// safety net for panics, and the checks that need no route.
func (s *Site) outermost(next http.Handler) http.Handler {
	return s.observe(s.recover(s.limitHeaders(s.probes(s.checkHost(s.relay(s.checkOrigin(s.limitBody(s.useOnce(getForHead(next))))))))))
}

// observe gives the request an id and a receipt, and logs it when it is over: at level
// Info if it may change something or fails, and otherwise at level Debug. Reads are most
// of the requests, and the reverse proxy usually logs them anyway.
func (s *Site) observe(next http.Handler) http.Handler {
	fix, brief := s.fixedHeaders(), s.Extension == nil && !s.Timing
	address := clientIP(s.Proxies)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		v := &Visit{ID: s.Text()[:12], Began: began, Receipt: auth.ReceiptFrom(r.Context()), Header: w.Header(), request: r, address: address}
		inProcess := v.Receipt != nil // a request made in process brings its own receipt
		if !inProcess {
			v.Receipt = &auth.Receipt{Brief: brief}
		}
		ctx := auth.WithStorageWait(auth.WithReceipt(withVisit(r.Context(), v), v.Receipt), storageWait, s.Now)
		w.Header().Set("X-Request-Id", v.ID)
		fix(w.Header())

		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		if s.Timing && !inProcess {
			rec.before = func() { s.timing(v) }
		}
		next.ServeHTTP(rec, r.WithContext(ctx))
		level := slog.LevelDebug
		if !inProcess && (rec.status >= 500 || r.Method != http.MethodGet && r.Method != http.MethodHead) {
			level = slog.LevelInfo
		}
		if !s.Log.Enabled(ctx, level) {
			return
		}
		s.Log.Log(ctx, level, "request", "id", v.ID, "method", r.Method, "path", r.URL.Path,
			"status", rec.status, "bytes", rec.bytes, "micros", s.Now().Sub(began).Microseconds(),
			"reads", v.Receipt.Count("read"), "writes", v.Receipt.Count("write"))
	})
}

// storageWait bounds how long one request waits for storage, all uses together. It is
// shorter than the server's write timeout, so that the answer can still be sent.
const storageWait = 5 * time.Second

// recorder notes what was answered, for the log.
type recorder struct {
	http.ResponseWriter
	status, bytes int
	wrote         bool
	before        func() // called just before the headers are written; may be nil
}

func (r *recorder) WriteHeader(status int) {
	r.begin(status)
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) begin(status int) {
	if r.wrote {
		return
	}
	r.status, r.wrote = status, true
	if r.before != nil {
		r.before()
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.begin(http.StatusOK)
	n, err := r.ResponseWriter.Write(b)
	r.bytes += n
	return n, err
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// recover turns a panic into an error page, unless the answer has begun.
func (s *Site) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.Log.ErrorContext(r.Context(), "panic", "error", fmt.Sprint(p), "stack", string(debug.Stack()))
			if rec, ok := w.(*recorder); ok && rec.wrote {
				panic(http.ErrAbortHandler)
			}
			s.refuse(w, r, ErrInternal)
		}()
		next.ServeHTTP(w, r)
	})
}

// fixedHeaders are on every answer, errors included (ASVS 3.4), and keep what is personal
// out of every cache. The value slices are shared by all responses: a handler that needs
// another value must replace it with Set, as the static files do, and never append to it.
//
// Referrer-Policy must not be no-referrer: forms would then send "Origin: null", and for
// a browser without Sec-Fetch-Site that looks like a cross-site request.
func (s *Site) fixedHeaders() func(http.Header) {
	type header struct {
		name   string
		values []string
	}
	fixed := []header{
		{"Content-Security-Policy", []string{s.contentSecurityPolicy(nil)}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"Referrer-Policy", []string{"same-origin"}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
		{"Permissions-Policy", []string{"camera=(), geolocation=(), microphone=(), payment=(), usb=()"}},
		{"Cache-Control", []string{"no-store"}},
		{"Vary", []string{"Cookie"}},
	}
	if s.https() {
		fixed = append(fixed, header{"Strict-Transport-Security", []string{"max-age=63072000; includeSubDomains"}})
	}
	return func(h http.Header) {
		for _, f := range fixed {
			h[f.name] = f.values
		}
	}
}

// contentSecurityPolicy allows nothing that is not ours, except profile pictures.
// form-action also applies to redirects after a form submission, so a page that offers
// providers must list their origins.
func (s *Site) contentSecurityPolicy(providers []string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
		"img-src 'self' data: " + strings.Join(slices.Concat(pictureHosts, s.PictureHosts), " ") +
		"; form-action " + strings.Join(append([]string{"'self'"}, providers...), " ") +
		"; frame-ancestors 'none'; base-uri 'none'"
}

const maxHeaders = 16 << 10 // bytes of a request's headers

// limitHeaders answers 431 to headers that are too long. This site's cookies beyond their
// budget are not counted: many sign-ins started in parallel may exceed it, and
// [Site.loadSession] then deletes the surplus.
func (s *Site) limitHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size := len(r.URL.RequestURI())
		for name, values := range r.Header {
			for _, value := range values {
				size += len(name) + len(": ") + len(value) + len("\r\n")
			}
		}
		if size > maxHeaders {
			size -= max(auth.NewJar(w, r).Size()-auth.CookieBudget, 0)
		}
		if size > maxHeaders {
			s.refuse(w, r, errHeadersTooLarge)
			return
		}
		next.ServeHTTP(w, r)
	})
}

const maxBody = 64 << 10 // bytes of a request's body

func (s *Site) limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > maxBody {
			s.refuse(w, r, errBodyTooLarge)
			return
		}
		if r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		next.ServeHTTP(w, r)
	})
}

// useOnce protects the callback, the only GET route with a side effect: the code is valid
// once. A prefetch gets 503, because a browser might store a 200 and show it for the real
// navigation, and HEAD gets 405. Neither touches a cookie.
func (s *Site) useOnce(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case callbackOf(r) == "":
		case r.Method == http.MethodHead:
			w.Header().Set("Allow", http.MethodGet)
			s.refuse(w, r, errMethod)
			return
		case prefetch(r.Header):
			s.refuse(w, r, errPrefetch)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// prefetch reports whether a browser fetches the page before anybody asked for it.
// Sec-Purpose is the header of the Fetch standard; older browsers sent the others.
func prefetch(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if strings.Contains(strings.ToLower(h.Get(name)), "prefetch") {
			return true
		}
	}
	return strings.Contains(strings.ToLower(h.Get("Purpose")), "preview")
}

// getForHead answers HEAD like GET; the server leaves the body out.
func getForHead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			get := *r
			get.Method = http.MethodGet
			r = &get
		}
		next.ServeHTTP(w, r)
	})
}

// loadSession loads the request's session into the Visit, before any body is written. It
// never rejects a missing session; [Site.RequireSession] does.
func (s *Site) loadSession(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		path := c.Request().URL.Path
		if strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/idp/") || s.Extension != nil && s.Extension.Sessionless(path) {
			return next(c)
		}
		v := VisitOf(c)
		v.Jar = auth.NewJar(c.Response(), c.Request())
		if v.Jar.Bytes() > auth.CookieBudget {
			s.Providers.MakeRoom(c.Request().Context(), v.Jar)
		}
		v.Manager = s.Pick(c.Request())
		if v.Manager == nil {
			return ErrUnknownStrategy
		}
		if token, ok := bearerToken(c.Request()); ok {
			s.loadBearer(v, c.Request(), token)
			return next(c)
		}
		v.Session, v.Err = v.Manager.Load(c.Request().Context(), v.Jar)
		if v.Err != nil && !auth.Refused(v.Err) {
			s.Log.ErrorContext(c.Request().Context(), "session not loaded", "id", v.ID, "error", v.Err)
		}
		return next(c)
	}
}

// RequireSession rejects requests without a valid session.
func (s *Site) RequireSession(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if v := VisitOf(c); v.Err != nil {
			if !auth.Refused(v.Err) {
				return Unavailable(v.Err)
			}
			return v.Err
		}
		return next(c)
	}
}

// probes answers /healthz and /readyz before the Host check, because health checkers use
// the instance's own address.
func (s *Site) probes(next http.Handler) http.Handler {
	probes := map[string]http.HandlerFunc{"/healthz": s.healthz, "/readyz": s.readyz}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		probe, ok := probes[r.URL.Path]
		switch {
		case !ok:
			next.ServeHTTP(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			s.refuse(w, r, errMethod)
		default:
			probe(w, r)
		}
	})
}

// healthz says that the process serves.
func (s *Site) healthz(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

// readyz answers whether to send requests here.
func (s *Site) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.Ready(r.Context()); err != nil {
		if !errors.Is(err, context.Canceled) {
			s.Log.WarnContext(r.Context(), "not ready", "error", err)
		}
		plain(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	plain(w, http.StatusOK, "ready")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
