package handlers

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// unknownClient stands for every client whose forwarded address cannot be parsed. They
// share one rate limit, separate from the proxy's own. Rejecting them would let a
// misconfigured proxy take the site down.
const unknownClient = "unknown"

// clientIP returns the address of a request's client. It is the peer's address or, if the
// peer is a trusted proxy, the rightmost address in X-Forwarded-For that is not a trusted
// proxy. Anything further left may be forged.
func clientIP(proxies []netip.Prefix) echo.IPExtractor {
	return func(r *http.Request) string {
		ip, ok := parseIP(r.RemoteAddr)
		hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
		for _, hop := range slices.Backward(hops) {
			if !slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip) }) {
				break
			}
			if hop = strings.Trim(hop, " \t"); hop != "" { // an empty element counts for nothing (RFC 9110, section 5.6.1)
				ip, ok = parseIP(hop)
			}
		}
		if !ok {
			return unknownClient
		}
		return ip.String()
	}
}

// parseIP reads an address as proxies write it: with or without a port, and of IPv6 with
// or without brackets. Zones, which mean something to the proxy alone, are left out.
func parseIP(s string) (ip netip.Addr, ok bool) {
	if with, err := netip.ParseAddrPort(s); err == nil {
		return plainIP(with.Addr()), true
	}
	if inner, found := strings.CutPrefix(s, "["); found {
		if s, found = strings.CutSuffix(inner, "]"); !found || !strings.Contains(s, ":") {
			return ip, false
		}
	}
	ip, err := netip.ParseAddr(s)
	return plainIP(ip), err == nil
}

func plainIP(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }
