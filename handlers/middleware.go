package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
)

// outermost is what every request passes before a route is chosen: a request id,
// a log line, a safety net for panics, and the checks that need no route.
func (s *Site) outermost(next http.Handler) http.Handler {
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Log.WarnContext(r.Context(), "csrf_blocked", "path", r.URL.Path, "site", r.Header.Get("Sec-Fetch-Site"))
		s.refuse(w, r, errCrossOrigin)
	}))
	return s.observe(s.recover(s.probes(s.checkHost(csrf.Handler(s.limitBody(getForHead(next)))))))
}

// observe gives the request an id and a receipt, and logs it when it is over: what
// changes something or fails at the level Info, and what only reads at Debug. That
// is most of all requests, and the proxy in front keeps a list of them anyway.
func (s *Site) observe(next http.Handler) http.Handler {
	fix, brief := s.fixedHeaders(), s.Extension == nil && !s.Timing
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		v := &visit{id: s.Text()[:12], began: began, receipt: auth.ReceiptFrom(r.Context()), header: w.Header()}
		inProcess := v.receipt != nil // whoever makes such a request has the receipt already
		if !inProcess {
			v.receipt = &auth.Receipt{Brief: brief}
		}
		ctx := auth.WithReceipt(withVisit(r.Context(), v), v.receipt)
		w.Header().Set("X-Request-Id", v.id)
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
		s.Log.Log(ctx, level, "request", "id", v.id, "method", r.Method, "path", r.URL.Path,
			"status", rec.status, "bytes", rec.bytes, "micros", s.Now().Sub(began).Microseconds(),
			"reads", v.receipt.Count("read"), "writes", v.receipt.Count("write"))
	})
}

// recorder notes what was answered, for the log.
type recorder struct {
	http.ResponseWriter
	status, bytes int
	wrote         bool
	before        func() // called when the headers are about to go; may be nil
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
			s.refuse(w, r, errInternal)
		}()
		next.ServeHTTP(w, r)
	})
}

// fixedHeaders are on every answer, errors included (ASVS 3.4), and keep what is
// personal out of every cache. They are the same each time and shared by all
// answers: a handler that wants another value sets it, as static files do.
func (s *Site) fixedHeaders() func(http.Header) {
	type header struct {
		name   string
		values []string
	}
	fixed := []header{
		{"Content-Security-Policy", []string{contentSecurityPolicy(nil)}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"Referrer-Policy", []string{"no-referrer"}},
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

// contentSecurityPolicy allows nothing that is not ours. form-action governs the
// redirects that follow a form too, so a page that offers providers names them.
func contentSecurityPolicy(providers []string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
		"img-src 'self' data: " + strings.Join(pictureHosts, " ") +
		"; form-action " + strings.Join(append([]string{"'self'"}, providers...), " ") +
		"; frame-ancestors 'none'; base-uri 'none'"
}

// checkHost refuses requests for another host (421), and on a loopback base URL
// those that came through a proxy: a proxy would make the development provider,
// with which everybody may be anybody, public.
func (s *Site) checkHost(next http.Handler) http.Handler {
	loopback := IsLoopback(s.BaseURL.Hostname())
	want := canonicalHost(s.BaseURL.Host, s.BaseURL.Scheme)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if canonicalHost(r.Host, s.BaseURL.Scheme) != want {
			s.refuse(w, r, errHost)
			return
		}
		if loopback && forwarded(r.Header) {
			s.refuse(w, r, errForwarded)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func forwarded(h http.Header) bool {
	for name := range h {
		if name == "Forwarded" || strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}

// IsLoopback says whether a host name can only mean this machine.
func IsLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func canonicalHost(host, scheme string) string {
	host = strings.ToLower(host)
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
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

// loadSession learns who asks, once per request, before any body is written. What
// it learns lies in the visit; [Site.requireSession] makes it matter.
func (s *Site) loadSession(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		path := c.Request().URL.Path
		if strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/idp/") || s.Extension != nil && s.Extension.Sessionless(path) {
			return next(c)
		}
		v := visitOf(c)
		v.jar = auth.NewJar(c.Response(), c.Request())
		v.manager = s.Pick(c.Request())
		if v.manager == nil {
			return errUnknownStrategy
		}
		if token, ok := bearerToken(c.Request()); ok {
			s.bear(v, c.Request(), token)
			return next(c)
		}
		v.session, v.err = v.manager.Load(c.Request().Context(), v.jar)
		if v.err != nil && !auth.Refused(v.err) {
			s.Log.ErrorContext(c.Request().Context(), "session not loaded", "id", v.id, "error", v.err)
		}
		return next(c)
	}
}

// requireSession lets only the signed in pass.
func (s *Site) requireSession(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if v := visitOf(c); v.err != nil {
			if !auth.Refused(v.err) {
				return unavailable(v.err)
			}
			return v.err
		}
		return next(c)
	}
}

// clientIP believes X-Forwarded-For only from the proxies that were named.
func clientIP(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		_, network, err := net.ParseCIDR(p.String())
		if err == nil {
			options = append(options, echo.TrustIPRange(network))
		}
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// probes come before the Host check: who asks them knows the site by an address
// of its own.
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

// readyz says whether to send requests here.
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
