package handlers

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"sessionlab/static"
)

// checkHost refuses requests for another host (421). A loopback site, where anyone can
// sign in as anyone, also rejects requests from another machine or through a proxy.
// Static files are exempt: they contain nothing private, and the error page needs its
// style sheet.
func (s *Site) checkHost(next http.Handler) http.Handler {
	local := IsLoopback(s.BaseURL.Hostname())
	want := canonicalHost(s.BaseURL.Host, s.BaseURL.Scheme)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.EscapedPath(), static.Prefix): // as Echo reads a path
			next.ServeHTTP(w, r)
		case local && (forwarded(r) || !fromLoopback(r)):
			s.refuse(w, r, errForwarded)
		case canonicalHost(r.Host, s.BaseURL.Scheme) == want:
			next.ServeHTTP(w, r)
		case local && s.isAlias(r.Host) && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			http.Redirect(w, r, s.atBaseURL(r.URL), http.StatusTemporaryRedirect)
		default:
			s.refuse(w, r, errHost)
		}
	})
}

// isAlias reports whether host is another name of a loopback site: a loopback name, with
// the port of the base URL.
func (s *Site) isAlias(host string) bool {
	u := url.URL{Host: canonicalHost(host, s.BaseURL.Scheme)}
	base := url.URL{Host: canonicalHost(s.BaseURL.Host, s.BaseURL.Scheme)}
	return u.Port() == base.Port() && IsLoopback(u.Hostname())
}

// atBaseURL returns the same path and query below the base URL. It takes nothing else
// from u, which may name a host of its own.
func (s *Site) atBaseURL(u *url.URL) string {
	to := url.URL{Scheme: s.BaseURL.Scheme, Host: s.BaseURL.Host, Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
	return to.String()
}

// fromLoopback reports whether the other end of the connection is on this machine.
func fromLoopback(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().IsLoopback()
}

// Headers that proxies add and browsers never send. A header that carries a client
// address usually ends in -Ip, such as X-Real-Ip, True-Client-Ip and Cf-Connecting-Ip.
var (
	proxyHeaders = []string{
		"Via", "Forwarded", "Cdn-Loop", "Front-End-Https", "X-Arr-Log-Id", "X-Cloud-Trace-Context", "X-Varnish",
	}
	proxyPrefixes = []string{
		"X-Forwarded", "X-Original-", "X-Proxy", "X-Amz", "X-Appengine-", "X-Azure-", "X-Envoy-", "X-Vercel-",
		"Cf-", "Fastly-", "Fly-", "Tailscale-",
	}
)

// forwarded reports whether a request shows that it came through a proxy. It cannot
// detect a proxy that adds no header and speaks HTTP/1.1. Through such a proxy a
// browser's Origin header names the public origin, which [Site.checkOrigin] rejects.
func forwarded(r *http.Request) bool {
	if r.ProtoMajor == 1 && r.ProtoMinor == 0 { // as nginx before 1.29.7 speaks to servers
		return true
	}
	for name := range r.Header {
		if slices.Contains(proxyHeaders, name) || strings.HasSuffix(name, "-Ip") ||
			slices.ContainsFunc(proxyPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			return true
		}
	}
	return false
}

// checkOrigin rejects unsafe requests from other sites (403). An Origin header, if sent,
// must be the base URL's: Sec-Fetch-Site alone says only that a page and its form were on
// one site, which may be a proxy's.
func (s *Site) checkOrigin(next http.Handler) http.Handler {
	deny := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Log.WarnContext(r.Context(), "csrf_blocked", "path", r.URL.Path,
			"site", r.Header.Get("Sec-Fetch-Site"), "origin", r.Header.Get("Origin"))
		s.refuse(w, r, errCrossOrigin)
	})
	own := s.BaseURL.Scheme + "://" + canonicalHost(s.BaseURL.Host, s.BaseURL.Scheme)
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(deny)
	protected := csrf.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
		if !safe && slices.ContainsFunc(r.Header["Origin"], func(origin string) bool { return origin != own }) {
			deny(w, r)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// IsLoopback reports whether a host name can only mean this machine.
func IsLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
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
